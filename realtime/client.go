package realtime

import "encoding/json"

// ClientEvent is what a client can send.
//
//sumtype:decl
type ClientEvent interface{ clientEvent() }

// The types of client events, as they stand in "type".
const (
	TypeSessionUpdate    = "session.update"
	TypeAppend           = "input_audio_buffer.append"
	TypeCommit           = "input_audio_buffer.commit"
	TypeClear            = "input_audio_buffer.clear"
	TypeItemCreate       = "conversation.item.create"
	TypeItemRetrieve     = "conversation.item.retrieve"
	TypeItemDelete       = "conversation.item.delete"
	TypeItemTruncate     = "conversation.item.truncate"
	TypeResponseCreate   = "response.create"
	TypeResponseCancel   = "response.cancel"
	TypeOutputAudioClear = "output_audio_buffer.clear"

	// typeTranscriptionUpdate is the beta's session.update of a transcription
	// session.
	typeTranscriptionUpdate = "transcription_session.update"
)

// SessionUpdate changes the session: see [Session.Apply].
type SessionUpdate struct{ Session json.RawMessage }

// Append adds audio to the input buffer.
type Append struct {
	Audio []byte // decoded, in the memory of the frame it came in
}

// Commit makes a user item of the input buffer.
type Commit struct{}

// Clear empties the input buffer.
type Clear struct{}

// ItemCreate puts an item into the conversation.
type ItemCreate struct {
	Item     Item
	Previous *string // the item behind which it belongs; "root": the beginning; nil: the end
}

// ItemRetrieve asks for an item.
type ItemRetrieve struct{ ItemID string }

// ItemDelete takes an item out of the conversation.
type ItemDelete struct{ ItemID string }

// ItemTruncate says how much of a reply the user has heard.
type ItemTruncate struct {
	ItemID       string
	ContentIndex int
	AudioEndMS   int64
}

// ResponseCreate asks for a response.
type ResponseCreate struct{ Response ResponseOptions }

// ResponseCancel stops a response; "" is the one of the conversation.
type ResponseCancel struct{ ResponseID string }

// OutputAudioClear throws away the audio that was not sent yet.
type OutputAudioClear struct{}

func (SessionUpdate) clientEvent()    {}
func (Append) clientEvent()           {}
func (Commit) clientEvent()           {}
func (Clear) clientEvent()            {}
func (ItemCreate) clientEvent()       {}
func (ItemRetrieve) clientEvent()     {}
func (ItemDelete) clientEvent()       {}
func (ItemTruncate) clientEvent()     {}
func (ResponseCreate) clientEvent()   {}
func (ResponseCancel) clientEvent()   {}
func (OutputAudioClear) clientEvent() {}

// ClientTypes gives every type of client event that sori knows.
func ClientTypes() []string {
	return []string{
		TypeSessionUpdate, TypeAppend, TypeCommit, TypeClear, TypeItemCreate, TypeItemRetrieve, TypeItemDelete,
		TypeItemTruncate, TypeResponseCreate, TypeResponseCancel, TypeOutputAudioClear,
	}
}
