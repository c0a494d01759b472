package history

import "time"

// Status says how a turn ended. Every turn has exactly one.
type Status string

// The three ends of a turn.
const (
	Done      Status = "done"      // the reply was made and sent
	Cancelled Status = "cancelled" // the client, or new speech, stopped it
	Failed    Status = "failed"    // a stage failed; Error says which and why
)

// Turn is the record of one turn: what the seed system's four lists hold
// (input_wav, atot_text, ttot_text, output_wav), and what happened around it.
type Turn struct {
	ID        string    `json:"id"` // UUIDv7: unique everywhere, sorts by time
	UserID    string    `json:"user_id"`
	SessionID string    `json:"session_id"`
	Number    int       `json:"turn"` // 1, 2, 3 … within its session
	Status    Status    `json:"status"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Language  string    `json:"language"`

	InputWAV  *string `json:"input_wav"` // path of the recording below the server's address; null for typed text
	ATOTText  string  `json:"atot_text"` // what the user said, or typed
	TTOTText  string  `json:"ttot_text"` // what sori answered, as far as it got
	OutputWAV *string `json:"output_wav"`

	InputMS  int64    `json:"input_ms"`  // length of the utterance
	OutputMS int64    `json:"output_ms"` // length of the reply's audio that was made
	HeardMS  *int64   `json:"heard_ms"`  // how much of it was heard, where the reply was stopped; TTOTText is that part then
	Engines  Engines  `json:"engines"`
	Error    *Failure `json:"error"`
	Apology  string   `json:"apology,omitempty"` // what the user was told where the turn could not be answered; the model does not remember it
	Timings  Timings  `json:"timings"`

	// Received is the number of the client's last frame that the turn settles: a
	// client that resumes its session need not send this one and earlier ones
	// again. 0: nothing is said of it.
	Received uint64 `json:"received,omitempty"`
	// Fence says that the turn may be stored only while its session's fence is
	// no higher. It goes with the first attempt alone: what was set aside is
	// acknowledged, and is stored in any case. 0: there is no fence.
	Fence uint64 `json:"-"`
}

// Engines names what served each stage of the turn, "" where none was asked.
type Engines struct {
	ATOT string `json:"atot"`
	TTOT string `json:"ttot"`
	TTS  string `json:"tts"`
}

// Failure says which stage failed and why.
type Failure struct {
	Stage   string `json:"stage"`   // "atot", "ttot" or "tts"
	Code    string `json:"code"`    // for machines, see package stage
	Message string `json:"message"` // for people
}

// Timings is the turn's waterfall: milliseconds from the end of speech to each
// step. With push to talk speech ends when the client says so. A step that did
// not happen is null. With speculation a step may come before the decision.
type Timings struct {
	Decision    *float64 `json:"decision_ms"`     // the turn is taken to be over
	ATOTDone    *float64 `json:"atot_done_ms"`    // the final transcript is there
	TTOTFirst   *float64 `json:"ttot_first_ms"`   // first token of the reply
	ClauseFirst *float64 `json:"clause_first_ms"` // first clause goes to TTS
	TTSFirst    *float64 `json:"tts_first_ms"`    // first audio back from TTS
	AudioFirst  *float64 `json:"audio_first_ms"`  // first audio handed to the connection
	HeardFirst  *float64 `json:"heard_first_ms"`  // first audio left the loudspeaker, as the client reports
	TTOTDone    *float64 `json:"ttot_done_ms"`    // last token of the reply
	TTSDone     *float64 `json:"tts_done_ms"`     // last audio back from TTS
	End         *float64 `json:"end_ms"`          // the turn's terminal event
}

// User is the seed system's view of a user: four lists with one entry per
// turn, oldest first. Its id is printed by the REST surface.
type User struct {
	ID         string
	InputWAVs  []*string
	ATOTTexts  []string
	TTOTTexts  []string
	OutputWAVs []*string
}

// UserOf makes the seed's view from a user's turns, oldest first.
func UserOf(id string, turns []Turn) User {
	u := User{
		ID:         id,
		InputWAVs:  make([]*string, 0, len(turns)),
		ATOTTexts:  make([]string, 0, len(turns)),
		TTOTTexts:  make([]string, 0, len(turns)),
		OutputWAVs: make([]*string, 0, len(turns)),
	}
	for i := range turns {
		t := &turns[i]
		u.InputWAVs = append(u.InputWAVs, t.InputWAV)
		u.ATOTTexts = append(u.ATOTTexts, t.ATOTText)
		u.TTOTTexts = append(u.TTOTTexts, t.TTOTText)
		u.OutputWAVs = append(u.OutputWAVs, t.OutputWAV)
	}
	return u
}
