package session

import (
	"strings"
	"time"

	"sori/session/words"
)

// span is a clause of the reply and where its sound begins.
type span struct {
	text string
	at   time.Duration // of the reply's audio
	// aside is what is said beside the reply: it belongs neither to its text nor
	// to its length.
	aside bool
}

// heardText is the part of a reply that was heard: the clauses that were played
// whole, and of the one that was cut as many words as its share of time.
func heardText(spans []span, heard, made time.Duration) string {
	var parts []string
	for i, s := range spans {
		if s.at >= heard || s.aside {
			break
		}
		end := made
		if i+1 < len(spans) {
			end = spans[i+1].at
		}
		if end <= heard {
			parts = append(parts, s.text)
			continue
		}
		share := float64(heard-s.at) / float64(end-s.at)
		if w := words.First(s.text, int(share*float64(words.Count(s.text)))); w != "" {
			parts = append(parts, w)
		}
		break
	}
	return strings.Join(parts, " ")
}

// replyLength is how much of so much audio is of the reply, and not beside it.
func replyLength(spans []span, all time.Duration) time.Duration {
	for _, s := range spans {
		if s.aside {
			return min(s.at, all)
		}
	}
	return all
}

// said is all of a reply that has begun to leave for the client.
func said(spans []span, sent time.Duration) string {
	var parts []string
	for _, s := range spans {
		if s.at <= sent {
			parts = append(parts, s.text)
		}
	}
	return strings.Join(parts, " ")
}
