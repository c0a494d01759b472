package clause

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// gap is what lies between two runes.
type gap int

const (
	tight gap = iota
	space
	loose // something unspoken was left out, so the gap vanishes before punctuation
	hard  // a paragraph, heading, list item or table row ended
)

// cutter collects spoken runes and cuts them into clauses.
type cutter struct {
	opts  Options
	first bool // no clause was given yet

	buf    []rune // what is not cut yet: single spaces, none at the start or the end
	length int    // of buf
	depth  int    // wide quotation marks and brackets that are open in buf
	gap    gap    // between buf and what comes
	item   int    // number of the last list item, so that the next one is known

	// Where buf may be cut, as lengths of the part before; 0 for nowhere. The
	// last such place counts.
	sentenceEnd int
	markEnd     int
	wordEnd     int

	out []string
}

func (c *cutter) take() []string {
	out := c.out
	c.out = nil
	return out
}

func (c *cutter) space() {
	if c.gap == tight {
		c.gap = space
		c.early()
	}
}

// early cuts behind a sentence that is one whatever follows its space: who hears
// it need not wait for the next word.
func (c *cutter) early() {
	least, _ := c.limits()
	i := len(c.buf) - 1
	for i > 0 && isCloser(c.buf[i]) {
		i--
	}
	if c.length < least || i < 1 || isDigit(c.buf[i-1]) || c.buf[i] != '.' && c.buf[i] != '!' && c.buf[i] != '?' {
		return
	}
	for _, r := range [...]rune{'a', 'A', '1'} {
		if p, _ := c.boundary(r); p != atSentence {
			return
		}
	}
	c.cut(len(c.buf))
}

func (c *cutter) skip() { c.gap = max(c.gap, loose) }

// limits gives the least and the greatest length of the clause under way.
func (c *cutter) limits() (least, most int) {
	if c.first {
		return c.opts.FirstMin, c.opts.FirstMax
	}
	return c.opts.Min, c.opts.Max
}

// hard ends what is there like the end of a sentence does, though no mark says
// so.
func (c *cutter) hard() {
	least, _ := c.limits()
	if c.length >= least && !c.glued() {
		c.cut(len(c.buf))
	}
	if len(c.buf) > 0 {
		c.gap = hard
	}
}

// put adds a spoken rune.
func (c *cutter) put(r rune) {
	c.settle(r)
	if len(c.buf) == 0 && !canStart(r) {
		return
	}
	if c.gap != tight && len(c.buf) > 0 {
		c.add(' ')
	}
	c.gap = tight
	c.add(r)

	// Some marks need no look at what follows.
	least, _ := c.limits()
	switch {
	case isWideEnd(r) && c.depth <= 0:
		c.sentenceEnd = len(c.buf)
		if c.length >= least {
			c.cut(len(c.buf))
		}
	case isWideMark(r) && !c.digitBefore(len(c.buf)-1) && c.depth <= 0:
		c.markEnd = len(c.buf)
		if c.first && c.length >= least {
			c.cut(len(c.buf))
		}
	}
}

func (c *cutter) add(r rune) {
	c.buf = append(c.buf, r)
	c.length += weight(r)
	c.depth += quoteDepth(r)
}

// settle decides, now that r follows, whether buf ends a clause.
func (c *cutter) settle(r rune) {
	if len(c.buf) == 0 {
		c.gap = tight
		return
	}
	if c.gap == loose && isTrailing(r) {
		c.gap = tight
	}
	least, most := c.limits()
	end := len(c.buf)
	switch kind, item := c.boundary(r); kind {
	case atSentence:
		if c.gap == hard && !unicode.IsPunct(c.buf[end-1]) {
			c.add('.') // or two list items would be read as one
			end++
		}
		c.sentenceEnd = end
		if c.length >= least {
			c.cut(end)
		}
	case atMark:
		c.markEnd = end
		if c.first && c.length >= least {
			c.cut(end)
		}
	case atWord:
		c.wordEnd = end
	case atItem:
		c.item = item
	case nowhere:
	}
	if len(c.buf) == 0 || c.length+weight(r)+1 <= most {
		return
	}
	if unicode.Is(unicode.M, r) && c.length < 2*most {
		return // r belongs to the rune before it
	}
	c.force(r, most)
	c.settle(r)
}

// force cuts a clause that grows too long at the best place that there is.
func (c *cutter) force(r rune, most int) {
	switch {
	case c.sentenceEnd > 0:
		c.cut(c.sentenceEnd)
	case c.markEnd > 0 && lengthOf(c.buf[:c.markEnd]) >= most/4:
		c.cut(c.markEnd)
	case c.wordEnd > 0:
		c.cut(c.wordEnd)
	case c.gap != tight:
		c.cut(len(c.buf))
	default:
		c.cut(c.lastCluster(r))
	}
}

// lastCluster is the last place in buf at which a cut does not tear apart what
// is seen as one character.
func (c *cutter) lastCluster(r rune) int {
	rest := string(c.buf) + string(r)
	at, last, state := 0, 0, -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		at += len([]rune(cluster))
		if at <= len(c.buf) {
			last = at
		}
	}
	if last == 0 {
		return len(c.buf)
	}
	return last
}

// cut makes a clause of the first n runes. What follows them is read again.
func (c *cutter) cut(n int) {
	rest, g := c.buf[n:], c.gap
	text := strings.TrimSpace(string(c.buf[:n]))
	c.buf, c.length, c.depth, c.gap = nil, 0, 0, tight
	c.sentenceEnd, c.markEnd, c.wordEnd = 0, 0, 0
	if strings.ContainsFunc(text, isSpoken) {
		c.out = append(c.out, text)
		c.first = false
	}
	for _, r := range rest {
		if r == ' ' {
			c.space()
			continue
		}
		c.put(r)
	}
	c.gap = max(c.gap, g)
	if len(c.buf) == 0 {
		c.gap = tight
	}
}

func (c *cutter) digitBefore(i int) bool { return i > 0 && isDigit(c.buf[i-1]) }

// stallPoint is where the first clause can be cut though its next mark is not
// in sight, or 0.
func (c *cutter) stallPoint() int {
	if !c.first || len(c.buf) == 0 {
		return 0
	}
	p := max(c.sentenceEnd, c.markEnd, c.wordEnd)
	end := len(c.buf)
	last := c.buf[end-1]
	switch {
	case c.gap != tight && !c.glued(), isSpaceless(last):
		p = end
	case isEnd(last) || isCloser(last):
		// A digit may go on behind the point, a word does not.
		if kind, _ := c.after(end, unknown, true); kind == atSentence && end > 1 && !isDigit(c.buf[end-2]) {
			p = end
		}
	}
	if lengthOf(c.buf[:p]) < c.opts.FirstMin {
		return 0
	}
	return p
}

// glued says that what follows buf belongs to it: buf ends in "Dr." or "1.".
func (c *cutter) glued() bool {
	if len(c.buf) == 0 {
		return false
	}
	kind, _ := c.after(len(c.buf), unknown, true)
	return kind == nowhere || kind == atItem
}

func join(clauses []string) string { return strings.Join(clauses, " ") }
