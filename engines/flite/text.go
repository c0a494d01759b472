package flite

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Markup that is written but not said. The expressions are linear in the text.
var (
	linkMark   = regexp.MustCompile(`!?\[([^\]\n]*)\]\([^)\n]*\)`)
	urlMark    = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>"')\]]+`)
	mailMark   = regexp.MustCompile(`\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b`)
	headMark   = regexp.MustCompile(`(?m)^[ \t]{0,3}(?:#{1,6}|>+|[-*+]|` + "```" + `\w*|~~~\w*)(?:[ \t]+|$)`)
	ruleMark   = regexp.MustCompile(`(?m)^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]+\|[ \t:|-]*$`)
	tagMark    = regexp.MustCompile(`</?[A-Za-z][^<>\n]{0,80}>`)
	unitMark   = regexp.MustCompile(`(\d) ?(km/h|km|cm|mm|kg|mg|ml|mph|kHz|MHz|GHz|Hz|kB|KB|MB|GB|TB|ms|kW|m²|km²)\b`)
	degreeMark = regexp.MustCompile(`(-?\d+(?:\.\d+)?) ?° ?([CFK]?)\b`)
	moneyMark  = regexp.MustCompile(`([€£¥₩₹]) ?(\d[\d,]*(?:\.\d+)?)`)
	powerMark  = regexp.MustCompile(`(\w)\^(\w)`)
	minusMark  = regexp.MustCompile(`(\d) [-−] (\d)`)
	timesMark  = regexp.MustCompile(`(\d) ?[x*×] ?(\d)`)
	starMark   = regexp.MustCompile("[*`~]+|_{2,}")
)

func unitWord(unit string) string {
	switch unit {
	case "km/h":
		return "kilometers per hour"
	case "km":
		return "kilometers"
	case "cm":
		return "centimeters"
	case "mm":
		return "millimeters"
	case "kg":
		return "kilograms"
	case "mg":
		return "milligrams"
	case "ml":
		return "milliliters"
	case "mph":
		return "miles per hour"
	case "kHz":
		return "kilohertz"
	case "MHz":
		return "megahertz"
	case "GHz":
		return "gigahertz"
	case "Hz":
		return "hertz"
	case "kB", "KB":
		return "kilobytes"
	case "MB":
		return "megabytes"
	case "GB":
		return "gigabytes"
	case "TB":
		return "terabytes"
	case "ms":
		return "milliseconds"
	case "kW":
		return "kilowatts"
	}
	return unit
}

func degreeWord(scale string) string {
	switch scale {
	case "C":
		return " degrees Celsius"
	case "F":
		return " degrees Fahrenheit"
	case "K":
		return " kelvin"
	}
	return " degrees"
}

func moneyWord(sign string) string {
	switch sign {
	case "€":
		return "euros"
	case "£":
		return "pounds"
	case "¥":
		return "yen"
	case "₩":
		return "won"
	}
	return "rupees"
}

// symbol gives the words or the ASCII sign for a character; ok is false for
// one that it does not know.
func symbol(r rune) (word string, ok bool) {
	switch r {
	case '‘', '’', '‚', '‛', 'ʼ', '′', '`', '´':
		return "'", true
	case '“', '”', '„', '‟', '«', '»', '″', '"':
		return "", true // flite says nothing for it, and ASCII quotes end no sentence
	case '–', '—', '―', '‒':
		return ", ", true
	case '‐', '‑', '\u00ad':
		return "-", true
	case '−':
		return "-", true
	case '…':
		return "... ", true
	case '°':
		return " degrees ", true
	case '&':
		return " and ", true
	case '+':
		return " plus ", true
	case '=':
		return " equals ", true
	case '×':
		return " times ", true
	case '÷':
		return " divided by ", true
	case '±':
		return " plus or minus ", true
	case '≈', '~':
		return " about ", true
	case '<':
		return " less than ", true
	case '>':
		return " greater than ", true
	case '≤':
		return " at most ", true
	case '≥':
		return " at least ", true
	case '≠':
		return " is not ", true
	case '√':
		return " the square root of ", true
	case '²':
		return " squared ", true
	case '³':
		return " cubed ", true
	case '½':
		return " a half ", true
	case '¼':
		return " a quarter ", true
	case '¾':
		return " three quarters ", true
	case 'π':
		return " pie ", true
	case 'µ', 'μ':
		return " micro ", true
	case 'Ω':
		return " ohms ", true
	case '%':
		return " percent ", true
	case '@':
		return " at ", true
	case '#':
		return " number ", true
	case '€', '£', '¥', '₩', '₹':
		return " " + moneyWord(string(r)) + " ", true
	case '→', '⇒':
		return " to ", true
	case '•', '·', '|', '(', ')', '[', ']', '{', '}':
		return ", ", true
	case '/', '\\', '_':
		return " ", true
	case '©', '®', '™', '^', '*':
		return " ", true
	case 'ß':
		return "ss", true
	case 'æ', 'Æ':
		return "ae", true
	case 'œ', 'Œ':
		return "oe", true
	case 'ø', 'Ø':
		return "o", true
	case 'ł', 'Ł':
		return "l", true
	case 'đ', 'Đ', 'ð', 'Ð':
		return "d", true
	case 'þ', 'Þ':
		return "th", true
	case 'ı':
		return "i", true
	}
	return "", false
}

// Speakable turns a reply into plain ASCII that an English voice can read:
// markup goes, symbols become words, accents are dropped. Paragraphs stay apart
// by a newline. ok is false for text whose letters are mostly of another script;
// few foreign words in English text are left out. The result is empty where
// nothing is to be said.
func Speakable(text string) (plain string, ok bool) {
	text = strings.ToValidUTF8(text, " ")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n").Replace(text)
	text = unmark(text)
	var b strings.Builder
	b.Grow(len(text))
	latin, foreign := 0, 0
	for _, r := range text {
		if r == '\n' || r >= '0' && r <= '9' || strings.ContainsRune(" .,;:!?'$-", r) {
			b.WriteRune(r)
			continue
		}
		if r < unicode.MaxASCII && unicode.IsLetter(r) {
			latin++
			b.WriteRune(r)
			continue
		}
		if word, known := symbol(r); known {
			b.WriteString(word)
			continue
		}
		switch base := decompose(r); {
		case base != "":
			latin++
			b.WriteString(base)
		case unicode.IsLetter(r):
			foreign++
		case unicode.IsMark(r): // part of the letter before it
		default:
			b.WriteByte(' ')
		}
	}
	if foreign > latin || foreign > 0 && latin == 0 {
		return "", false
	}
	return tidy(b.String()), true
}

// unmark removes markup and writes out what only the eye can read.
func unmark(s string) string {
	s = ruleMark.ReplaceAllString(s, "\n")
	s = headMark.ReplaceAllString(s, "")
	s = linkMark.ReplaceAllString(s, "$1")
	s = mailMark.ReplaceAllStringFunc(s, sayAddress)
	s = urlMark.ReplaceAllStringFunc(s, sayAddress)
	s = tagMark.ReplaceAllString(s, " ")
	s = degreeMark.ReplaceAllStringFunc(s, func(m string) string {
		p := degreeMark.FindStringSubmatch(m)
		return p[1] + degreeWord(p[2])
	})
	s = unitMark.ReplaceAllStringFunc(s, func(m string) string {
		p := unitMark.FindStringSubmatch(m)
		return p[1] + " " + unitWord(p[2])
	})
	s = moneyMark.ReplaceAllStringFunc(s, func(m string) string {
		p := moneyMark.FindStringSubmatch(m)
		return p[2] + " " + moneyWord(p[1])
	})
	s = powerMark.ReplaceAllString(s, "$1 to the power of $2")
	s = minusMark.ReplaceAllString(s, "$1 minus $2")
	s = timesMark.ReplaceAllString(s, "$1 times $2")
	return starMark.ReplaceAllString(s, "")
}

// sayAddress reads a web or mail address as people do.
func sayAddress(a string) string {
	end := strings.TrimRight(a, ".,;:!?")
	rest := a[len(end):]
	if _, after, ok := strings.Cut(end, "://"); ok {
		end = after
	}
	end = strings.TrimSuffix(end, "/")
	return strings.NewReplacer(".", " dot ", "/", " slash ", "@", " at ", "-", " dash ", "_", " ", "?", " ", "&", " ", "=", " ").Replace(end) + rest
}

// decompose gives the ASCII letters, digits and signs of a composed or
// compatibility character (é, ﬁ, Ａ, ①), "" where there are none.
func decompose(r rune) string {
	var b strings.Builder
	for _, d := range norm.NFKD.String(string(r)) {
		if d < unicode.MaxASCII && (unicode.IsLetter(d) || unicode.IsDigit(d)) {
			b.WriteRune(d)
		}
	}
	return b.String()
}

// tidy makes single spaces, moves commas and stops to their words, and gives
// "" where no letter or digit is left.
func tidy(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return ""
	}
	lines := strings.Split(s, "\n")
	kept := lines[:0]
	for _, line := range lines {
		fields := strings.Fields(line)
		words := fields[:0]
		for _, f := range fields {
			// A sign that stands alone belongs to the word before it.
			if strings.Trim(f, ".,;:!?'-$") == "" {
				if len(words) > 0 && strings.Trim(f, ",;:'-$") != "" {
					words[len(words)-1] = strings.TrimRight(words[len(words)-1], ",;:") + strings.Trim(f, ",;:'-$")
				} else if len(words) > 0 && strings.ContainsAny(f, ",;:") && !strings.HasSuffix(words[len(words)-1], ",") {
					words[len(words)-1] = strings.TrimRight(words[len(words)-1], ",;:") + ","
				}
				continue
			}
			words = append(words, f)
		}
		if len(words) > 0 {
			kept = append(kept, strings.Join(words, " "))
		}
	}
	return strings.Join(kept, "\n")
}
