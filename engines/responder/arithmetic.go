package responder

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// calculate answers "what is twelve times seven" and its many ways of asking.
func (t turn) calculate(s sentence) string {
	for {
		rest, ok := s.after("what is the answer to", "what is the result of", "what is the value of", "what is", "what does", "what are", "how much is",
			"how many is", "how much are", "calculate", "compute", "work out", "solve", "evaluate", "tell me", "and what is", "what about", "the")
		if !ok {
			break
		}
		s = rest
	}
	for len(s) > 1 && s.has(len(s)-1, "equal", "equals", "=", "make", "makes", "is", "be", "then", "exactly", "to") {
		s = s[:len(s)-1]
	}
	e, unit := s.withoutUnit()
	e = e.arranged()
	c := calculation{s: e}
	v := c.sum()
	if c.at < len(e) || c.steps == 0 || c.bad {
		return ""
	}
	switch {
	case c.zero:
		return "Dividing by zero is not possible."
	case c.root:
		return "A negative number has no square root that I can tell."
	case math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) >= 1e15:
		return "That number is too large for me."
	}
	result := sayNumber(v)
	if unit != "" {
		result += " " + unit
	}
	verb, about := " equals ", ""
	if isRounded(v) {
		verb, about = " is ", "about "
	}
	if said := e.saidAsSum(); said != "" && unit == "" {
		return upper(said) + verb + about + result + "."
	}
	return "The answer is " + about + result + "."
}

// withoutUnit takes one unit off every number, as in "ten meters plus five meters".
func (s sentence) withoutUnit() (sentence, string) {
	kept := make(sentence, 0, len(s))
	name := ""
	for i := 0; i < len(s); i++ {
		u, n, ok := s[i:].readUnit()
		if !ok || i == 0 || s.has(i, "point", "second") {
			kept = append(kept, s[i])
			continue
		}
		if name != "" && u.many != name {
			return s, ""
		}
		name = u.many
		i += n - 1
	}
	if name == "" {
		return s, ""
	}
	return kept, name
}

// arranged turns "add three to four" and its like into "four + three".
func (s sentence) arranged() sentence {
	for _, form := range []struct {
		begin, between string
		sign           string
		swap           bool
	}{
		{"add", "to", "plus", false},
		{"add", "and", "plus", false},
		{"sum of", "and", "plus", false},
		{"subtract", "from", "minus", true},
		{"take", "from", "minus", true},
		{"difference between", "and", "minus", false},
		{"difference of", "and", "minus", false},
		{"multiply", "by", "times", false},
		{"multiply", "and", "times", false},
		{"multiply", "with", "times", false},
		{"product of", "and", "times", false},
		{"divide", "by", "/", false},
		{"remainder of", "divided by", "mod", false},
	} {
		rest, ok := s.after(form.begin)
		if !ok {
			continue
		}
		at := rest.lastFind(form.between)
		if at <= 0 {
			continue
		}
		left, right := rest[:at], rest[at+len(strings.Fields(form.between)):]
		if form.swap {
			left, right = right, left
		}
		out := append(sentence{}, left...)
		out = append(out, word{low: form.sign})
		return append(out, right...)
	}
	return s
}

// lastFind gives the position of the phrase's last occurrence, -1 without one.
func (s sentence) lastFind(phrase string) int {
	for i := range slices.Backward(s) {
		if s[i:].begins(phrase) {
			return i
		}
	}
	return -1
}

// saidAsSum repeats a short calculation of numbers and signs, "" for others.
func (s sentence) saidAsSum() string {
	var parts []string
	for i := 0; i < len(s); {
		if s.has(i, "half") {
			return ""
		}
		if v, n := s[i:].readNumber(); n > 0 && (len(parts) == 0 || !s.has(i, "-", "minus")) {
			parts = append(parts, sayNumber(v))
			i += n
			continue
		}
		switch s[i].low {
		case "+", "plus":
			parts = append(parts, "plus")
		case "-", "minus":
			parts = append(parts, "minus")
		case "*", "×", "x", "times":
			parts = append(parts, "times")
		case "/", "÷", "divided":
			parts = append(parts, "divided by")
		case "by":
		case "%", "percent":
			parts = append(parts, "percent")
		case "of":
			parts = append(parts, "of")
		case "√":
			parts = append(parts, "the square root of")
		case "square", "root", "squared", "cubed":
			if s[i].low == "square" && len(parts) == 0 {
				parts = append(parts, "the square")
				break
			}
			parts = append(parts, s[i].low)
		default:
			return ""
		}
		i++
	}
	if len(parts) > 7 {
		return ""
	}
	return strings.Join(parts, " ")
}

// calculation reads and computes an expression, from the weakest binding to the strongest.
type calculation struct {
	s     sentence
	at    int
	depth int
	steps int  // operations done
	bad   bool // not an expression
	zero  bool // a division by zero
	root  bool // the root of a negative number
}

// take moves past one of the phrases, if it is next.
func (c *calculation) take(phrases ...string) bool {
	for _, p := range phrases {
		if c.s[c.at:].begins(p) {
			c.at += len(strings.Fields(p))
			return true
		}
	}
	return false
}

func (c *calculation) sum() float64 {
	v := c.product()
	for !c.bad {
		var sign float64
		switch {
		case c.take("plus", "+", "added to", "and then add", "and"):
			sign = 1
		case c.take("minus", "-", "less", "take away"):
			sign = -1
		default:
			return v
		}
		w := c.product()
		if c.take("percent", "%") { // "80 plus 10 percent"
			w *= v / 100
		}
		v += sign * w
		c.steps++
	}
	return v
}

func (c *calculation) product() float64 {
	v := c.factor()
	for !c.bad {
		switch {
		case c.take("times", "*", "×", "x", "multiplied by", "multiplied with"):
			v *= c.factor()
		case c.take("divided by", "/", "÷", "over", "by"):
			d := c.factor()
			c.zero = c.zero || d == 0 && !c.bad
			v /= d
		case c.take("modulo", "mod", "modulus"):
			d := c.factor()
			c.zero = c.zero || d == 0 && !c.bad
			v = math.Mod(v, d)
		case c.take("percent of", "% of"):
			v = v / 100 * c.factor()
		case c.take("percent off", "% off"):
			v = (1 - v/100) * c.factor()
		default:
			return v
		}
		c.steps++
	}
	return v
}

// factor is a number or something in brackets, with its powers.
func (c *calculation) factor() float64 {
	v := c.atom()
	for !c.bad {
		switch {
		case c.take("squared", "²"):
			v *= v
		case c.take("cubed"):
			v *= v * v
		case c.take("factorial"):
			if v < 0 || v != math.Trunc(v) {
				c.bad = true
				return 0
			}
			v = math.Round(math.Gamma(min(v, 171) + 1))
		case c.take("to the power of", "raised to the power of", "to the", "^"):
			e := c.factor()
			c.take("power")
			v = math.Pow(v, e)
		default:
			return v
		}
		c.steps++
	}
	return v
}

func (c *calculation) atom() float64 {
	if c.depth++; c.depth > 40 {
		c.bad = true
	}
	defer func() { c.depth-- }()
	c.take("the", "a")
	switch {
	case c.bad:
		return 0
	case c.take("("):
		v := c.sum()
		c.bad = c.bad || !c.take(")")
		return v
	case c.take("square root of", "√", "root of"):
		v := c.factor()
		c.root = c.root || v < 0
		c.steps++
		return math.Sqrt(v)
	case c.take("cube root of"):
		v := c.factor()
		c.steps++
		return math.Cbrt(v)
	case c.take("square of"):
		v := c.factor()
		c.steps++
		return v * v
	case c.take("cube of"):
		v := c.factor()
		c.steps++
		return v * v * v
	case c.take("half of", "half"):
		return c.part(1.0 / 2)
	case c.take("quarter of", "one quarter of"):
		return c.part(1.0 / 4)
	case c.take("third of", "one third of"):
		return c.part(1.0 / 3)
	case c.take("two thirds of"):
		return c.part(2.0 / 3)
	case c.take("three quarters of"):
		return c.part(3.0 / 4)
	case c.take("double", "twice"):
		return c.part(2)
	case c.take("triple"):
		return c.part(3)
	}
	v, n := c.s[c.at:].readNumber()
	if n == 0 {
		if c.take("pi") {
			return math.Pi
		}
		c.bad = true
	}
	c.at += n
	return v
}

func (c *calculation) part(p float64) float64 {
	v := c.factor() * p
	c.steps++
	return v
}

// upper makes the first letter a capital.
func upper(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}
