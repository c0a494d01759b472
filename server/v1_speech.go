package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"sori/audio"
	"sori/protocol"
	"sori/stage"
)

const (
	maxSpeechBody = 256 << 10 // bytes of a request
	maxSpeechText = 16_384    // bytes; OpenAI takes 4,096 characters
	bareRate      = 24_000    // Hz: what OpenAI's clients take bare PCM for
)

// speechRequest is the body of POST /v1/audio/speech.
type speechRequest struct {
	Model        string    `json:"model"`
	Input        string    `json:"input"`
	Voice        voiceName `json:"voice"`
	Format       string    `json:"response_format"`
	StreamFormat string    `json:"stream_format"`
	Speed        float64   `json:"speed"`
	SampleRate   int       `json:"sample_rate"` // Hz, as speaches takes it
	Language     string    `json:"language"`
}

// voiceName is a voice's name; OpenAI's newer clients may put it into an object.
type voiceName string

// UnmarshalJSON implements [json.Unmarshaler].
func (v *voiceName) UnmarshalJSON(data []byte) error {
	var o struct {
		ID string `json:"id"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &o)
		*v = voiceName(o.ID)
		return err
	}
	var s string
	err := json.Unmarshal(data, &s)
	*v = voiceName(s)
	return err
}

// check says why a text can't be spoken as it is asked for.
func (q *speechRequest) check() error {
	switch {
	case strings.TrimSpace(q.Input) == "":
		return &fieldError{"input", "There is no text to speak."}
	case len(q.Input) > maxSpeechText:
		return &fieldError{"input", "The text has more than " + strconv.Itoa(maxSpeechText) + " bytes. Send it in several calls."}
	case q.Format != "" && q.Format != "wav" && q.Format != "pcm":
		return &fieldError{"response_format", "sori speaks wav and pcm (24 kHz, 16-bit); it has no encoder for other formats."}
	case q.StreamFormat != "" && q.StreamFormat != "audio" && q.StreamFormat != "sse":
		return &fieldError{"stream_format", "The stream_format is audio or sse."}
	case q.Speed != 0 && (q.Speed < audio.MinTempo || q.Speed > audio.MaxTempo):
		return &fieldError{"speed", "The speed is from 0.25 to 4."}
	case q.SampleRate != 0 && (q.SampleRate < protocol.MinRate || q.SampleRate > protocol.MaxRate):
		return &fieldError{"sample_rate", "The sample_rate is from " + strconv.Itoa(protocol.MinRate) + " to " + strconv.Itoa(protocol.MaxRate) + "."}
	case len(q.Voice) > protocol.MaxVoice:
		return &fieldError{"voice", "The name of the voice is too long."}
	}
	return nil
}

// speech is POST /v1/audio/speech: the configured TTS speaks.
func (s *Server) speech(g *gin.Context) {
	var q speechRequest
	err := s.readV1(g, maxSpeechBody, &q)
	if err == nil {
		err = q.check()
	}
	if err == nil && (s.cfg.Engines == nil || s.cfg.Engines.TTS == nil) {
		err = notSet(stage.TTS)
	}
	if err != nil {
		s.failV1(g, err)
		return
	}
	user := s.userOf(principal(g))
	grant, end, ok := s.begin(g, user)
	if !ok {
		return
	}
	defer end()
	sp := speaking{s: s, g: g, wav: q.Format != "pcm", rate: q.SampleRate, speed: q.Speed}
	if !sp.wav && sp.rate == 0 {
		sp.rate = bareRate
	}
	if q.StreamFormat == "sse" {
		sp.events = &v1Stream{g: g}
	}
	lang := q.Language
	if lang == "" {
		lang = s.cfg.Session.Language
	}
	defer func() { grant.Spoken(audio.Duration(sp.made, max(sp.from, 1))) }() // also where it broke off
	sp.speak(stage.Speech{UserID: user, Voice: string(q.Voice), Language: lang}, q.Input)
}

// speaking is a text on its way to being sound. It is sent as it is made.
type speaking struct {
	s      *Server
	g      *gin.Context
	wav    bool      // with a WAV header, else bare PCM
	rate   int       // Hz, of what is sent; 0 for the engine's own
	speed  float64   // 0 is 1
	events *v1Stream // nil: the audio is the body

	from  int // Hz, of the engine's audio; 0 before the first
	made  int // bytes of it
	tempo *audio.Tempo
	shape *audio.Resampler
	buf   []byte
	ready []byte // to be sent
	began bool
}

func (o *speaking) speak(sp stage.Speech, text string) {
	for _, piece := range spoken(text) {
		sp.Text = piece
		for c, err := range o.s.cfg.Engines.TTS.Synthesize(o.g.Request.Context(), sp) {
			if err == nil {
				err = o.take(c)
			}
			if err != nil {
				o.broken(err)
				return
			}
		}
	}
	err := o.g.Request.Context().Err()
	if err == nil && o.from == 0 {
		err = &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Engine: o.s.cfg.Engines.TTS.Engine(), Message: "The tts engine gave no audio."}
	}
	if err == nil {
		err = o.end(text)
	}
	if err != nil {
		o.broken(err)
	}
}

// take sends a chunk of the engine's.
func (o *speaking) take(c stage.Chunk) error {
	if o.from == 0 && c.Rate > 0 {
		if err := o.open(c.Rate); err != nil {
			return err
		}
	}
	if c.Rate != o.from {
		return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Message: "The tts engine changed its sample rate within a reply."}
	}
	pcm := c.PCM
	o.made += len(pcm)
	if o.tempo != nil {
		o.buf = o.tempo.Append(o.buf[:0], pcm)
		pcm = o.buf
	}
	o.ready = o.shape.Append(o.ready, pcm)
	return o.send()
}

func (o *speaking) open(rate int) error {
	if o.from = rate; o.rate == 0 {
		o.rate = rate
	}
	var err error
	if o.speed != 0 && o.speed != 1 {
		o.tempo = audio.NewTempo(rate, o.speed)
	}
	if o.shape, err = audio.NewResampler(o.from, o.rate); err != nil {
		return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Message: "The tts engine speaks at a sample rate that sori can't use.", Err: err}
	}
	return nil
}

// end sends what is left.
func (o *speaking) end(text string) error {
	if o.tempo != nil {
		o.ready = o.shape.Append(o.ready, o.tempo.Flush(o.buf[:0]))
	}
	o.ready = o.shape.Flush(o.ready)
	if err := o.send(); err != nil || o.events == nil {
		return err
	}
	n := tokens(text)
	return o.events.send(speechDone{"speech.audio.done", speechUsage{Input: n, Total: n}})
}

type speechDelta struct {
	Type  string `json:"type"`
	Audio string `json:"audio"`
}

type speechDone struct {
	Type  string      `json:"type"`
	Usage speechUsage `json:"usage"`
}

type speechUsage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	Total  int `json:"total_tokens"`
}

// send writes what is ready, the header first.
func (o *speaking) send() error {
	if len(o.ready) == 0 {
		return nil
	}
	data := o.ready
	if !o.began && o.wav {
		data = append(audio.AppendHeader(nil, o.rate, 1, audio.UnknownLength), data...)
	}
	defer func() { o.ready = o.ready[:0] }()
	if o.events != nil {
		o.began = true
		return o.events.send(speechDelta{"speech.audio.delta", base64.StdEncoding.EncodeToString(data)})
	}
	if !o.began {
		o.began = true
		h := o.g.Writer.Header()
		h.Set("Content-Type", "audio/wav")
		if !o.wav {
			h.Set("Content-Type", "audio/pcm; rate="+strconv.Itoa(o.rate))
		}
		h.Set("X-Accel-Buffering", "no")
		o.g.Writer.WriteHeader(http.StatusOK)
	}
	allowWriting(o.g, v1Write)
	if _, err := o.g.Writer.Write(data); err != nil {
		return err
	}
	o.g.Writer.Flush()
	allowWriting(o.g, 0)
	return nil
}

func (o *speaking) broken(err error) {
	if o.began {
		o.s.breakOff(o.g, o.events, stage.AsError(stage.TTS, err))
		return
	}
	if o.g.Request.Context().Err() == nil {
		err = stage.AsError(stage.TTS, err)
	}
	allowWriting(o.g, v1Write)
	o.s.failV1(o.g, err)
}
