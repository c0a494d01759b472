package server

import (
	"net/http"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"sori/protocol"
	"sori/stage"
)

// words are the texts for people, by code, in the languages that sori speaks.
type words struct {
	catalog catalog.Catalog
	matcher language.Matcher
}

// newWords makes the catalog. English comes first: it is what everybody gets who
// asks for none of the languages.
func newWords() (*words, error) {
	all := catalog.NewBuilder(catalog.Fallback(language.English))
	for code, t := range texts() {
		if err := all.SetString(language.English, code, t.en); err != nil {
			return nil, err
		}
		if err := all.SetString(language.Korean, code, t.ko); err != nil {
			return nil, err
		}
	}
	return &words{
		catalog: all,
		matcher: language.NewMatcher([]language.Tag{language.English, language.Korean}),
	}, nil
}

// say gives the text of a code with args in it. accept is what an
// Accept-Language header holds.
func (w *words) say(accept, code string, args ...any) string {
	return message.NewPrinter(w.language(accept), message.Catalog(w.catalog)).Sprintf(code, args...)
}

func (w *words) language(accept string) language.Tag {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return language.English
	}
	if _, i, sure := w.matcher.Match(wanted...); sure != language.No && i == 1 {
		return language.Korean
	}
	return language.English
}

// korean says whether an Accept-Language header asks for Korean first.
func (w *words) korean(accept string) bool { return w.language(accept) == language.Korean }

func languageOf(r *http.Request) string { return r.Header.Get("Accept-Language") }

// event gives an event with its text in Korean. The English texts come with the
// events.
func (w *words) event(e protocol.Event) protocol.Event {
	const accept = "ko"
	switch e := e.(type) {
	case protocol.Problem:
		e.Message = w.say(accept, e.Code, e.Message)
		return e
	case protocol.Warning:
		e.Message = w.say(accept, e.Code, e.Message)
		return e
	case protocol.StageFailed:
		e.Message = w.stage(accept, e.Stage, e.Code)
		return e
	case protocol.TurnFailed:
		e.Message = w.stage(accept, e.Stage, e.Code)
		return e
	}
	return e
}

// stage gives the text of a stage that failed.
func (w *words) stage(accept string, name stage.Name, code string) string {
	key := "stage." + code
	if code == stage.CodeUnreachable {
		key += "." + string(name) // the seed has a text for each
	}
	return w.say(accept, key, string(name))
}
