package responder

import (
	"fmt"
	"strings"
	"unicode"
)

// isKorean says whether the text has Korean letters.
func isKorean(text string) bool {
	if len(text) > maxHeard {
		text = text[:maxHeard]
	}
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Hangul, r) })
}

// korean answers in Korean: a greeting, the time, the date, help, and plain
// words for everything else.
func (r *Responder) korean(text string) string {
	if len(text) > maxHeard {
		text = text[:maxHeard]
	}
	text = strings.Join(strings.Fields(text), "")
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	now := r.now()
	switch {
	case has("몇시", "시간이", "시간알려", "시각"):
		return "지금은 " + koreanTime(now.Hour(), now.Minute()) + "입니다."
	case has("며칠", "몇일", "날짜", "요일", "몇월"):
		day := [...]string{"일", "월", "화", "수", "목", "금", "토"}[now.Weekday()]
		return fmt.Sprintf("오늘은 %d년 %d월 %d일 %s요일입니다.", now.Year(), int(now.Month()), now.Day(), day)
	case has("도움", "도와", "뭘할수", "뭐할수", "무엇을할수", "뭐해줄", "기능"):
		return "시간과 날짜를 알려 드리고, 영어로는 계산과 단위 변환도 할 수 있습니다. 자유로운 대화에는 언어 모델을 연결해 주세요."
	case has("고마워", "고맙", "감사"):
		return "천만에요."
	case has("안녕히", "잘가", "잘있어", "다음에봐"):
		return "안녕히 가세요."
	case has("안녕", "반가", "여보세요"):
		return "안녕하세요. 무엇을 도와드릴까요?"
	case has("누구", "이름이뭐", "이름이무엇"):
		return "저는 소리라는 작은 프로그램입니다."
	}
	return "저는 언어 모델이 없는 작은 프로그램이라 잘 모르겠습니다. 도움말이라고 말씀해 보세요."
}

func koreanTime(hour, minute int) string {
	part := "오후"
	if hour < 12 {
		part = "오전"
	}
	if hour %= 12; hour == 0 {
		hour = 12
	}
	if minute == 0 {
		return fmt.Sprintf("%s %d시", part, hour)
	}
	return fmt.Sprintf("%s %d시 %d분", part, hour, minute)
}
