package responder_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sori/engines/responder"
	"sori/stage"
)

// fixed is a responder at a quarter to four on a Monday afternoon in Seoul,
// whose coins and dice always show the lowest.
func fixed() *responder.Responder {
	return responder.New(responder.Options{
		Now:  func() time.Time { return time.Date(2026, 11, 23, 6, 45, 0, 0, time.UTC) },
		Zone: time.FixedZone("KST", 9*3600),
		Intn: func(int) int { return 0 },
	})
}

func TestReply(t *testing.T) {
	t.Parallel()
	r := fixed()
	for _, c := range []struct{ said, want string }{
		// Courtesies.
		{"Hello.", "Hello. How can I help you today?"},
		{"hi there", "Hello. How can I help you today?"},
		{"Um, hey.", "Hello. How can I help you today?"},
		{"Good morning!", "Good morning. How can I help you today?"},
		{"good evening sori", "Good evening. How can I help you today?"},
		{"How are you?", "I am fine, thank you. How can I help you?"},
		{"Hi, how are you doing today?", "I am fine, thank you. How can I help you?"},
		{"Thank you very much.", "You are welcome."},
		{"THANKS", "You are welcome."},
		{"Goodbye.", "Goodbye. Have a nice day."},
		{"See you later.", "Goodbye. Have a nice day."},
		{"Good night.", "Good night, and sleep well."},
		{"never mind", "Okay. What can I do for you?"},
		// About itself.
		{"Who are you?", "I am Sori, a small program that answers simple questions. Say help to hear what I can do."},
		{"What's your name?", "My name is Sori, which means voice in Korean."},
		{"are you a robot", "I am a small computer program with a few skills, without a language model."},
		{"Can you hear me?", "Yes, I can hear you."},
		{"Testing, one, two, three.", "Yes, I can hear you."},
		{"Help.", "I can tell the time and the date, calculate, convert units, spell words, flip a coin, and remember what you tell me. For real conversations, connect a language model in the settings."},
		// The clock.
		{"What time is it?", "It is three forty-five in the afternoon."},
		{"um what's the time please", "It is three forty-five in the afternoon."},
		{"Can you tell me the time?", "It is three forty-five in the afternoon."},
		{"Hello, do you have the time?", "It is three forty-five in the afternoon."},
		{"What time is it in Tokyo?", "I only know the time here. It is three forty-five in the afternoon."},
		{"What day is it today?", "It is Monday, November 23, 2026."},
		{"what is todays date", "It is Monday, November 23, 2026."},
		{"What's the date tomorrow?", "Tomorrow is Tuesday, November 24, 2026."},
		{"What day was yesterday?", "Yesterday was Sunday, November 22, 2026."},
		{"What year is it?", "It is now twenty twenty-six."},
		{"What month is it?", "It is November."},
		{"How many days until Christmas?", "There are thirty-two days until Christmas."},
		{"How many days until Tuesday?", "Tuesday is tomorrow."},
		// Arithmetic.
		{"What is twelve times seven?", "Twelve times seven equals eighty-four."},
		{"what's 2 plus 2", "Two plus two equals four."},
		{"2+2", "Two plus two equals four."},
		{"What is 5 plus 3 times 2?", "Five plus three times two equals eleven."},
		{"What is (5 + 3) * 2?", "The answer is sixteen."},
		{"How much is 15% of 80?", "Fifteen percent of eighty equals twelve."},
		{"fifteen percent of eighty", "Fifteen percent of eighty equals twelve."},
		{"What is the square root of 144?", "The square root of one hundred forty-four equals twelve."},
		{"square root of minus four", "A negative number has no square root that I can tell."},
		{"What is ten divided by zero?", "Dividing by zero is not possible."},
		{"Divide 100 by 8.", "One hundred divided by eight equals twelve point five."},
		{"What is 10 divided by 3?", "Ten divided by three is about three point three three."},
		{"one hundred and five minus six", "One hundred five minus six equals ninety-nine."},
		{"twenty-three plus forty two", "Twenty-three plus forty-two equals sixty-five."},
		{"two thousand three hundred and four plus one", "Two thousand three hundred four plus one equals two thousand three hundred five."},
		{"Add three to four.", "Three plus four equals seven."},
		{"Subtract three from ten.", "Ten minus three equals seven."},
		{"Multiply six by nine.", "Six times nine equals fifty-four."},
		{"What is the sum of 3 and 4?", "Three plus four equals seven."},
		{"What is five squared?", "Five squared equals twenty-five."},
		{"What is two to the power of ten?", "The answer is one thousand twenty-four."},
		{"What is half of 30?", "The answer is fifteen."},
		{"What is three point five times two?", "Three point five times two equals seven."},
		{"What's 0.1 plus 0.2?", "Zero point one plus zero point two equals zero point three."},
		{"What is 7 minus 10?", "Seven minus ten equals minus three."},
		{"What does 6 times 7 equal?", "Six times seven equals forty-two."},
		{"1,000,000 times 3", "1,000,000 times three equals 3,000,000."},
		{"what is 9 to the power of 9 to the power of 9", "That number is too large for me."},
		{"What is. Five plus six?", "Five plus six equals eleven."},
		{"what is ten meters plus five meters", "The answer is fifteen meters."},
		{"80 plus 10 percent", "Eighty plus ten percent equals eighty-eight."},
		// Units.
		{"Convert 5 miles to kilometers.", "Five miles are about eight point zero five kilometers."},
		{"How many feet are there in a mile?", "One mile is five thousand two hundred eighty feet."},
		{"What is ten meters in feet?", "Ten meters are about thirty-two point eight one feet."},
		{"what is 100 degrees fahrenheit in celsius", "One hundred degrees Fahrenheit is about thirty-seven point seven eight degrees Celsius."},
		{"32°F in °C", "Thirty-two degrees Fahrenheit is zero degrees Celsius."},
		{"20 degrees celsius to fahrenheit", "Twenty degrees Celsius is sixty-eight degrees Fahrenheit."},
		{"How many grams are in two pounds?", "Two pounds are about nine hundred seven point one eight grams."},
		{"How many minutes are in two and a half hours?", "Two point five hours are one hundred fifty minutes."},
		{"How many cups in a gallon?", "One gallon is sixteen cups."},
		{"60 miles per hour in kilometers per hour", "Sixty miles per hour are about ninety-six point five six kilometers per hour."},
		{"convert 5 miles to kilograms", "Miles and kilograms measure different things."},
		{"minus 300 celsius in kelvin", "Nothing can be as cold as that."},
		{"5km in miles", "Five kilometers are about three point one one miles."},
		// Telling it something.
		{"My name is Anna.", "Nice to meet you, Anna."},
		{"Hello, I'm Anna.", "Nice to meet you, Anna."},
		{"hi my name is anna and I like tea", "Nice to meet you, Anna."},
		{"Remember that the key is under the mat.", "Fine, I will remember that the key is under the mat."},
		{"Please remember that my car is on level three.", "Fine, I will remember that your car is on level three."},
		{"My favourite colour is green.", "Fine, I will remember that your favorite colour is green."},
		{"I live in Busan.", "Fine, I will remember that you live in Busan."},
		{"What is my name?", "You have not told me your name yet."},
		{"What do you remember?", "You have not asked me to remember anything yet."},
		{"What did I just say?", "This is the first thing that you said."},
		{"Say that again.", "I have not said anything yet."},
		// Others.
		{"How do you spell necessary?", "Necessary is spelled N, E, C, E, S, S, A, R, Y."},
		{"spell cat", "Cat is spelled C, A, T."},
		{"Flip a coin.", "It landed on heads."},
		{"roll a die", "You got a one."},
		{"Pick a random number between five and ten.", "My number is five."},
		{"Repeat after me: the fox is quick.", "The fox is quick."},
		{"My name is Bob. What is 2 plus 3?", "Nice to meet you, Bob. Two plus three equals five."},
		// What it does not know.
		{"What is the capital of France?", "I heard: What is the capital of France. I am only a small program without a language model, so please say help to hear what I can do."},
		{"ask not what your country can do for you", "I heard: ask not what your country can do for you. I am only a small program without a language model, so please say help to hear what I can do."},
		{"", "I did not hear any words. Please say that again."},
		{"...", "I did not hear any words. Please say that again."},
		{"um", "I heard: um. I am only a small program without a language model, so please say help to hear what I can do."},
		// Korean.
		{"안녕하세요.", "안녕하세요. 무엇을 도와드릴까요?"},
		{"지금 몇 시예요?", "지금은 오후 3시 45분입니다."},
		{"오늘 며칠이야", "오늘은 2026년 11월 23일 월요일입니다."},
		{"도와줘", "시간과 날짜를 알려 드리고, 영어로는 계산과 단위 변환도 할 수 있습니다. 자유로운 대화에는 언어 모델을 연결해 주세요."},
		{"감사합니다", "천만에요."},
		{"프랑스의 수도는?", "저는 언어 모델이 없는 작은 프로그램이라 잘 모르겠습니다. 도움말이라고 말씀해 보세요."},
	} {
		if got := r.Reply(stage.Prompt{Text: c.said}); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.said, got, c.want)
		}
	}
}

func TestReplyRemembersTheConversation(t *testing.T) {
	t.Parallel()
	r := fixed()
	past := []stage.Exchange{
		{User: "My name is Anna. I live in Busan.", Reply: "Nice to meet you, Anna."},
		{User: "Remember that the key is under the mat.", Reply: "Okay, I will remember that the key is under the mat."},
		{User: "my favorite color is green", Reply: "Okay."},
		{User: "My favorite color is blue.", Reply: "Okay."},
		{User: "I'm forty two years old", Reply: "Okay."},
		{User: "What's the weather?", Reply: "I heard: What's the weather. I am only a small program without a language model, so please say help to hear what I can do."},
		{User: "My dog is called Rex.", Reply: "Okay, I will remember that your dog is called Rex."},
	}
	for said, want := range map[string]string{
		"What's my name?":                 "Your name is Anna.",
		"Do you remember my name?":        "Your name is Anna.",
		"who am i":                        "Your name is Anna.",
		"Hello!":                          "Hello, Anna. How can I help you?",
		"Where do I live?":                "You live in Busan.",
		"How old am I?":                   "You are forty two years old.",
		"What is my favourite color?":     "You told me that your favorite color is blue.",
		"Where is the key?":               "You told me that the key is under the mat.",
		"um where's the key again":        "You told me that the key is under the mat.",
		"What is my dog called?":          "You told me that your dog is called Rex.",
		"What is my phone number?":        "You have not told me about your phone number.",
		"What did I ask you to remember?": "You told me that the key is under the mat, and your favorite color is blue, and you are forty two years old, and your dog is called Rex.",
		"What did I just say?":            "You said: My dog is called Rex.",
		"Say that again.":                 "Okay, I will remember that your dog is called Rex.",
		"Where is Paris?":                 "I heard: Where is Paris. I do not know that, but say help to hear what I can do.",
	} {
		if got := r.Reply(stage.Prompt{Text: said, History: past, Instructions: "Answer in rhymes."}); got != want {
			t.Errorf("%q:\n got %q\nwant %q", said, got, want)
		}
	}
}

func TestRespondStreams(t *testing.T) {
	t.Parallel()
	r := fixed()
	p := stage.Prompt{Text: "What is two plus two?"}
	var pieces []string
	for piece, err := range r.Respond(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, piece)
	}
	if got := strings.Join(pieces, ""); got != r.Reply(p) || len(pieces) != 5 {
		t.Errorf("pieces %q", pieces)
	}
	for _, err := range r.Respond(t.Context(), p) { // a caller who leaves
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	why := errors.New("barge-in")
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	n, last := 0, error(nil)
	for _, err := range r.Respond(ctx, p) {
		n++
		last = err
		stop(why)
	}
	if n != 2 || !errors.Is(last, why) {
		t.Errorf("after the end of the context: %d pieces, %v", n, last)
	}
	for _, err := range r.Respond(ctx, p) {
		if !errors.Is(err, why) {
			t.Errorf("a context that is over: %v", err)
		}
	}
}

func TestZeroOptions(t *testing.T) {
	t.Parallel()
	r := responder.New(responder.Options{})
	if got := r.Reply(stage.Prompt{Text: "What year is it?"}); !strings.HasPrefix(got, "It is now twenty") {
		t.Errorf("got %q", got)
	}
	seen := map[string]bool{}
	for range 200 {
		seen[r.Reply(stage.Prompt{Text: "flip a coin"})] = true
	}
	if len(seen) != 2 {
		t.Errorf("200 coins: %v", seen)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"", "what is 2 + 2", "((((((", "minus minus minus 5", "5 miles to", "how many in a", "spell", "remember", "my is", "point point", "%", "a a a hundred and and",
		"roll two dice", "number between 5 and", "안녕", "\x00\xff", "repeat after me", "i am", "100000000000000 factorial", "9^9^9^9", "½ of 3", "what time is it in", "the the the",
	} {
		f.Add(s, s)
	}
	r := fixed()
	f.Fuzz(func(t *testing.T, said, before string) {
		got := r.Reply(stage.Prompt{Text: said, History: []stage.Exchange{{User: before, Reply: before}, {User: said}}})
		if strings.TrimSpace(got) == "" || len(got) > 600 || !utf8.ValidString(got) {
			t.Fatalf("%q after %q: %d bytes %q", said, before, len(got), got)
		}
	})
}
