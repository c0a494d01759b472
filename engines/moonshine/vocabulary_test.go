package moonshine_test

import (
	"testing"

	"sori/engines/moonshine"
)

func TestTokensBecomeText(t *testing.T) {
	t.Parallel()
	tokens := []string{"<unk>", "<s>", "</s>", "▁hear", "ing", "<0xC3>", "<0xA9>", "<0xZZ>", "<0x41", "▁"}
	for _, c := range []struct {
		ids  []int
		want string
	}{
		{[]int{1, 3, 4, 2}, " hearing"},
		{[]int{5, 6}, "é"},
		{[]int{7}, "<0xZZ>"},
		{[]int{8}, "<0x41"},
		{[]int{9, 9}, "  "},
		{[]int{-1, 0, 10, 99999}, ""},
	} {
		var b []byte
		for _, id := range c.ids {
			b = moonshine.AppendToken(tokens, b, id)
		}
		if string(b) != c.want {
			t.Errorf("%v became %q, want %q", c.ids, b, c.want)
		}
	}
}
