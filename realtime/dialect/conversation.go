package dialect

import (
	"slices"

	"sori/realtime"
)

// Bounds of a conversation. Over them the oldest items are forgotten: the model
// is told of fewer anyway.
const (
	maxItems = 1000
	maxWords = 4 << 20 // bytes of text
)

// conversation is the items that the client knows of, oldest first.
type conversation struct {
	id    string
	items []*entry
	bytes int // of audio that is kept of them
}

// entry is an item and what the session remembers of it.
type entry struct {
	item   realtime.Item
	note   string // under which the session remembers it
	spans  []span // of a spoken reply
	sentMS int64  // of its audio
	cut    bool   // truncated: the content is what was heard, and no more comes to it
	sounds []kept // its audio
	gone   bool   // no more of its audio is kept
}

// span is a clause of a reply and where its sound begins, in ms.
type span struct {
	text string
	at   int64
}

func (c *conversation) find(id string) int {
	return slices.IndexFunc(c.items, func(e *entry) bool { return e.item.ID == id })
}

func (c *conversation) get(id string) *entry {
	if i := c.find(id); i >= 0 {
		return c.items[i]
	}
	return nil
}

// call gives the call with an id.
func (c *conversation) call(id string) *entry {
	for _, e := range c.items {
		if e.item.Type == realtime.ItemFunctionCall && e.item.CallID == id {
			return e
		}
	}
	return nil
}

// last gives the id of the newest item, nil where there is none.
func (c *conversation) last() *string {
	if len(c.items) == 0 {
		return nil
	}
	return &c.items[len(c.items)-1].item.ID
}

// before gives the id of the item in front of one.
func (c *conversation) before(id string) *string {
	if i := c.find(id); i > 0 {
		return &c.items[i-1].item.ID
	}
	return nil
}

// add puts an item at the end and gives the id of the one before it.
func (c *conversation) add(e *entry) *string {
	previous := c.last()
	c.insert(len(c.items), e)
	return previous
}

func (c *conversation) insert(at int, e *entry) {
	c.items = slices.Insert(c.items, at, e)
	total := 0
	for _, e := range c.items {
		total += e.item.Bytes()
	}
	over := 0
	for len(c.items)-over > maxItems || total > maxWords && over < len(c.items)-1 {
		total -= c.items[over].item.Bytes()
		c.forget(c.items[over])
		over++
	}
	c.items = slices.Delete(c.items, 0, over)
}

func (c *conversation) remove(i int) {
	c.forget(c.items[i])
	c.items = slices.Delete(c.items, i, i+1)
}

// forget gives up what is kept of an item that leaves.
func (c *conversation) forget(e *entry) {
	c.mute(e)
	e.gone = true
}
