package session

import "sori/protocol"

// phase is where a session stands. Exactly one of the types below, so that two
// live turns can't be written.
//
//sumtype:decl
type phase interface{ phase() }

type (
	// unready: nothing was configured yet.
	unready struct{}
	// idle: no turn is under way. Audio may be coming in.
	idle struct{}
	// listening: the turn is transcribed, and not answered unless that is asked for
	// in time.
	listening struct{ turn int }
	// live: the turn's stages run, or its audio is still on its way out.
	live struct{ turn int }
	// held: the user speaks while sori does. The reply waits until it is known
	// whether the user takes the floor.
	held struct{ turn int }
	// stopping: the turn was told to stop and its goroutines are not home yet.
	// waiting turns were committed meanwhile.
	stopping struct {
		turn    int
		waiting int
	}
	// keeping: the turn is over and its record is on its way into history.
	keeping struct {
		turn    int
		waiting int
	}
	// leaving: the session ends; the turn that was under way is being recorded, or
	// will be when its stages are home.
	leaving struct {
		turn    int
		keeping bool
	}
	// gone: nothing is left to do. It absorbs every event.
	gone struct{}
)

func (unready) phase()   {}
func (idle) phase()      {}
func (listening) phase() {}
func (live) phase()      {}
func (held) phase()      {}
func (stopping) phase()  {}
func (keeping) phase()   {}
func (leaving) phase()   {}
func (gone) phase()      {}

// event is something that happened.
//
//sumtype:decl
type event interface{ event() }

type (
	// configured: the client sent a configuration.
	configured struct{}
	// heard: an audio frame came in.
	heard struct{}
	// committed: the utterance is over. empty says that there is too little of it.
	committed struct{ empty bool }
	// queued: the utterance is over, and it takes the floor from nobody.
	queued struct{ empty bool }
	// overheard: the utterance is over, and is not answered before somebody asks.
	// floor says that it takes the floor from a reply.
	overheard struct{ empty, floor bool }
	// asked: the conversation is to be answered as it stands. joins says that the
	// newest turn was overheard and can still be answered itself.
	asked struct{ joins bool }
	// typed: a turn was typed.
	typed struct{}
	// cleared: the client wants its pending audio forgotten.
	cleared struct{}
	// cancelled: the client wants the turn stopped; turn 0 means whichever is live.
	cancelled struct{ turn int }
	// silenced: the client wants the turn's reply stopped, and its transcription
	// kept; turn 0 means whichever is live.
	silenced struct{ turn int }
	// drained: the turn's stages are home and its last audio has left.
	drained struct{ turn int }
	// kept: the turn's record is in history, or as safe as it can be. then says what
	// becomes of the next one that waits.
	kept struct {
		turn int
		then following
	}
	// overdue: a stopped turn's transcription takes too long.
	overdue struct{ turn int }
	// spoke: the user began to speak while the reply sounds, or would.
	spoke struct{}
	// seized: what the user says while the reply is held takes the floor.
	seized struct{}
	// dismissed: it does not; it was a nod, a cough or an echo.
	dismissed struct{}
	// ended: the session is over.
	ended struct{}
)

// following is how the oldest turn that waits goes on.
type following int

const (
	speaks  following = iota // it is answered, unless a later one waits
	listens                  // it was overheard
	stays                    // it is answered, though a later one waits
)

func (queued) event()     {}
func (overheard) event()  {}
func (asked) event()      {}
func (silenced) event()   {}
func (configured) event() {}
func (heard) event()      {}
func (committed) event()  {}
func (typed) event()      {}
func (cleared) event()    {}
func (cancelled) event()  {}
func (drained) event()    {}
func (kept) event()       {}
func (overdue) event()    {}
func (spoke) event()      {}
func (seized) event()     {}
func (dismissed) event()  {}
func (ended) event()      {}

// effect is something that Run is to do.
//
//sumtype:decl
type effect interface{ effect() }

type (
	// refuse tells the client that what it sent can't be taken now.
	refuse struct{ code string }
	// configure takes the configuration over and announces it.
	configure struct{}
	// listen adds the frame to the utterance.
	listen struct{}
	// forget drops the pending audio and says so.
	forget struct{}
	// start begins turn with what was just committed.
	start struct{ turn int }
	// startWaiting begins turn with the oldest committed one that waits. mute
	// says that a later one waits behind it, so only its transcription is made.
	startWaiting struct {
		turn int
		mute bool
	}
	// enqueue puts what was just committed behind the turn that is stopping.
	enqueue struct{}
	// answer has the turn that is listened to answered.
	answer struct{}
	// answerWaiting has the newest turn that waits answered.
	answerWaiting struct{}
	// hush stops the turn's reply and lets its transcription finish.
	hush struct {
		turn   int
		reason protocol.CancelReason
	}
	// kill stops everything of the turn.
	kill struct {
		turn   int
		reason protocol.CancelReason
	}
	// hold pauses the reply.
	hold struct{}
	// release lets it go on.
	release struct{}
	// keep writes the turn's record into history.
	keep struct{ turn int }
	// conclude sends the turn's terminal event.
	conclude struct{ turn int }
	// keepWaiting records the committed turns that will not run any more.
	keepWaiting struct{}
	// leave ends Run.
	leave struct{}
)

// effects are what one transition asks for, in order; nil entries mean nothing.
// An array, so that a transition allocates nothing.
type effects [3]effect

func (answer) effect()        {}
func (answerWaiting) effect() {}
func (refuse) effect()        {}
func (configure) effect()     {}
func (listen) effect()        {}
func (forget) effect()        {}
func (start) effect()         {}
func (startWaiting) effect()  {}
func (enqueue) effect()       {}
func (hush) effect()          {}
func (kill) effect()          {}
func (hold) effect()          {}
func (release) effect()       {}
func (keep) effect()          {}
func (conclude) effect()      {}
func (keepWaiting) effect()   {}
func (leave) effect()         {}
