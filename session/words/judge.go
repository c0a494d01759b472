package words

import (
	"slices"
	"strings"
)

// Nod says whether a text is no more than a sign of listening ("mhm", "uh-huh",
// "okay"), a sound, or nothing: its speaker does not take the floor.
func Nod(text string) bool {
	if i := strings.IndexAny(text, "([*"); i >= 0 && strings.TrimSpace(text[:i]) == "" {
		return true // "(coughs)", "[laughter]", "*sighs*"
	}
	ws := split(text)
	if len(ws) > 3 {
		return false
	}
	for _, w := range ws {
		if !slices.Contains(nods(), w.norm) {
			return false
		}
	}
	return true
}

func nods() []string {
	return []string{
		"mhm", "mm", "mmm", "mmhmm", "mmhm", "hm", "hmm", "hmmm", "uhhuh", "uh", "um", "huh", "ah", "oh", "aha", "eh", "ha", "haha",
		"yeah", "yep", "yup", "ya", "yes", "ok", "okay", "right", "sure", "cool", "nice", "wow", "great", "i", "see",
		"네", "예", "응", "음", "어", "아", "그래", "그래요", "그렇군요", "맞아요", "아하", "오",
	}
}

// echoShare of a text's words must be sori's own, in their order, for it to be
// taken for its echo.
const echoShare = 0.8

// Echo says whether what was heard is what sori itself just said, come back
// through the loudspeaker.
func Echo(heard, spoken string) bool {
	h, s := split(heard), split(spoken)
	if len(h) == 0 || len(s) == 0 {
		return false
	}
	// An echo is a piece of what was said: look at the best window of its length.
	width := len(h) + len(h)/2
	best := 0
	for at := range len(s) {
		best = max(best, common(h, s[at:min(at+width, len(s))]))
	}
	return float64(best) >= echoShare*float64(len(h))
}

// common is the length of the longest common subsequence of words.
func common(a, b []span) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			up := row[j+1]
			if x.norm == y.norm {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = up
		}
	}
	return row[len(b)]
}

// Invented says whether a text is one of the phrases that recognisers make up
// for silence and noise. Real people say some of them too, so it counts only
// where hardly any speech was found in the sound.
func Invented(text string) bool {
	return slices.Contains([]string{
		"", "you", "thank you", "thanks", "bye", "bye bye", "the", "so", "oh", "uh", "hmm", "okay",
		"thank you for watching", "thanks for watching", "thank you so much for watching", "please subscribe",
		"subtitles by the amaraorg community", "see you next time", "ill see you next time", "music", "applause",
		"시청해주셔서 감사합니다", "감사합니다", "구독과 좋아요 부탁드립니다",
	}, plain(text))
}
