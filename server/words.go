package server

import (
	"net/http"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
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

func languageOf(r *http.Request) string { return r.Header.Get("Accept-Language") }

type text struct{ en, ko string }

// texts has every code that the REST surface answers with.
func texts() map[string]text {
	return map[string]text{
		"internal":           {"Something broke inside sori. The log says what.", "sori 내부에서 오류가 발생했습니다. 로그를 확인하세요."},
		"not_found":          {"There is nothing at this address.", "이 주소에는 아무것도 없습니다."},
		"method_not_allowed": {"This address does not take that method.", "이 주소에서는 해당 메서드를 사용할 수 없습니다."},
		"user_not_found":     {"User not found", "User not found"},
		"turn_not_found":     {"The user has no turn with this id.", "이 사용자에게 해당 ID의 턴이 없습니다."},
		"no_recording":       {"The user has no recording of this name.", "이 사용자에게 해당 이름의 녹음이 없습니다."},
		"store_unavailable":  {"The history can't be reached right now. Try again in a few seconds.", "지금은 기록 저장소에 연결할 수 없습니다. 잠시 후 다시 시도하세요."},
		"bad_parameter":      {"The parameter \"%s\" must be %s.", "매개변수 \"%s\"의 값이 올바르지 않습니다: %s."},
		"upgrade_required":   {"This address speaks WebSocket only.", "이 주소는 WebSocket 연결만 받습니다."},
		"origin_not_allowed": {"Pages from this origin may not connect. The server's operator can allow it.", "이 출처의 페이지는 연결할 수 없습니다. 서버 운영자가 허용할 수 있습니다."},
		"too_many_sessions":  {"The server takes no more sessions right now. Try again in a few seconds.", "지금은 더 이상 세션을 받을 수 없습니다. 잠시 후 다시 시도하세요."},
	}
}
