package enginehttp

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"sori/audio"
	"sori/stage"
)

// maxSpeech bounds the audio of a reply that is not streamed, in bytes.
const maxSpeech = 64 << 20

// tts serves text to speech.
type tts struct{ *service }

type sayRequest struct {
	UserID   userID `json:"user_id"`
	Text     string `json:"text"`
	Voice    string `json:"voice"`
	Language string `json:"language"`
	Stream   *bool  `json:"stream"`
}

// say speaks a text: POST /tts.
func (t *tts) say(w http.ResponseWriter, r *http.Request) {
	var req sayRequest
	err := t.readJSON(w, r, &req)
	user := ""
	if err == nil {
		user, err = req.UserID.or(t.DefaultUser)
	}
	if err == nil && strings.TrimSpace(req.Text) == "" {
		err = badRequest("text", "There is no text to speak.")
	}
	if err != nil {
		t.fail(w, r, err)
		return
	}
	t.speak(w, r, stage.Speech{UserID: user, Text: req.Text, Voice: voiceID(req.Voice).known(), Language: req.Language},
		speechForm{wav: true, whole: req.Stream != nil && !*req.Stream})
}

type speechRequest struct {
	Model        string   `json:"model"`
	Input        string   `json:"input"`
	Voice        voiceID  `json:"voice"`
	Format       string   `json:"response_format"`
	StreamFormat string   `json:"stream_format"`
	Speed        *float64 `json:"speed"`
	Stream       *bool    `json:"stream"`
	SampleRate   int      `json:"sample_rate"`
	Language     string   `json:"language"`
}

// voiceID is a voice's name; OpenAI's newer clients put it into an object.
type voiceID string

// speech speaks a text: POST /v1/audio/speech.
func (t *tts) speech(w http.ResponseWriter, r *http.Request) {
	var req speechRequest
	err := t.readJSON(w, r, &req)
	var form speechForm
	if err == nil {
		form, err = req.form()
	}
	if err != nil {
		t.fail(w, r, err)
		return
	}
	t.speak(w, r, stage.Speech{Text: req.Input, Voice: req.Voice.known(), Language: req.Language}, form)
}

// form says in which form the speech goes out, or why it can't.
func (q *speechRequest) form() (speechForm, error) {
	f := speechForm{rate: q.SampleRate, whole: q.Stream != nil && !*q.Stream}
	switch q.Format {
	case "wav":
		f.wav = true
	case "pcm":
		if f.rate == 0 {
			f.rate = 24_000 // what OpenAI's clients take bare PCM for
		}
	case "":
		return f, badRequest("response_format", "The default response_format, mp3, is not supported: ask for wav or pcm.")
	default:
		return f, badRequest("response_format", "The response_format %.40q is not supported: use wav or pcm.", q.Format)
	}
	switch {
	case strings.TrimSpace(q.Input) == "":
		return f, badRequest("input", "There is no text to speak.")
	case q.StreamFormat != "" && q.StreamFormat != "audio":
		return f, badRequest("stream_format", "The stream_format %.40q is not supported: use audio.", q.StreamFormat)
	case q.Speed != nil && *q.Speed != 1:
		return f, badRequest("speed", "The speed can't be changed; leave it out or send 1.")
	case f.rate != 0 && (f.rate < 8000 || f.rate > 48_000):
		return f, badRequest("sample_rate", "The sample_rate must be from 8000 to 48000.")
	}
	return f, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *voiceID) UnmarshalJSON(b []byte) error {
	s, err := textOrObject(b)
	if err != nil {
		return badRequest("voice", "The voice must be a name.")
	}
	*v = voiceID(s)
	return nil
}

// known gives the voice's name for the engine. A client of OpenAI's has to name
// one of OpenAI's voices; they stand for the engine's own.
func (v voiceID) known() string {
	switch strings.ToLower(string(v)) {
	case "default", "alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "marin", "cedar":
		return ""
	}
	return string(v)
}

// speechForm says in which form speech goes out.
type speechForm struct {
	wav   bool // with a WAV header, else bare PCM
	whole bool // at once and with its length, else as it is made
	rate  int  // Hz; 0 for the engine's own
}

// speak sends the speech as it is made, or whole.
func (t *tts) speak(w http.ResponseWriter, r *http.Request, sp stage.Speech, form speechForm) {
	form.whole = form.whole || !r.ProtoAtLeast(1, 1) // without chunks, only a length tells a cut reply from a whole one
	t.work(w, r, func(r *http.Request) error {
		out := speechWriter{w: w, form: form}
		for c, err := range t.TTS.Synthesize(r.Context(), sp) {
			if err == nil {
				err = out.write(c)
			}
			if err != nil {
				if out.began {
					t.breakOff(r, err)
				}
				return err
			}
		}
		if err := out.end(); err != nil {
			if out.began {
				t.breakOff(r, err)
			}
			return err
		}
		return nil
	})
}

// speechWriter brings chunks to the form that the client asked for.
type speechWriter struct {
	w     http.ResponseWriter
	form  speechForm
	rate  int // of the chunks; 0 before the first
	rs    *audio.Resampler
	pcm   []byte // what is ready, or the whole speech
	began bool
}

func (o *speechWriter) write(c stage.Chunk) error {
	if o.rate == 0 {
		o.rate = c.Rate
		if o.form.rate == 0 {
			o.form.rate = c.Rate
		}
		if o.form.rate != c.Rate {
			rs, err := audio.NewResampler(c.Rate, o.form.rate)
			if err != nil {
				return err
			}
			o.rs = rs
		}
	}
	if c.Rate != o.rate {
		return errors.New("the engine changed the rate of its speech")
	}
	if o.rs != nil {
		o.pcm = o.rs.Append(o.pcm, c.PCM)
	} else {
		o.pcm = append(o.pcm, c.PCM...)
	}
	if o.form.whole {
		if len(o.pcm) > maxSpeech {
			return badRequest("text", "The speech is too long to be sent whole; leave stream out.")
		}
		return nil
	}
	return o.send()
}

// send sends what is ready, the header first.
func (o *speechWriter) send() error {
	if len(o.pcm) == 0 {
		return nil
	}
	var head []byte
	if !o.began {
		o.began = true
		o.header()
		if o.form.wav {
			head = audio.AppendHeader(nil, o.form.rate, 1, audio.UnknownLength)
		}
	}
	err := send(o.w, append(head, o.pcm...))
	o.pcm = o.pcm[:0]
	return err
}

func (o *speechWriter) header() {
	kind := "audio/wav"
	if !o.form.wav {
		kind = "audio/pcm; rate=" + strconv.Itoa(o.form.rate)
	}
	o.w.Header().Set("Content-Type", kind)
	o.w.Header().Set("X-Accel-Buffering", "no")
}

// end sends the rest.
func (o *speechWriter) end() error {
	if o.rate == 0 {
		return &stage.Error{Stage: stage.TTS, Code: stage.CodeInternal, Message: "The engine gave no audio."}
	}
	if o.rs != nil {
		o.pcm = o.rs.Flush(o.pcm)
	}
	if !o.form.whole {
		return o.send()
	}
	o.header()
	var head []byte
	if o.form.wav {
		head = audio.AppendHeader(nil, o.form.rate, 1, len(o.pcm))
	}
	o.w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(o.pcm)))
	o.began = true
	return send(o.w, append(head, o.pcm...))
}
