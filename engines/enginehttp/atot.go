package enginehttp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sori/audio"
	"sori/stage"
)

// atot serves audio to text.
type atot struct {
	*service

	results  *results
	uploads  *uploads
	uploaded *budget
}

// push hears a recording: POST /run-model.
func (a *atot) push(w http.ResponseWriter, r *http.Request) {
	up, done, err := a.readAudio(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer done()
	user, err := userID(up.fields["user_id"]).or(a.DefaultUser)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.work(w, r, func(r *http.Request) error {
		text, err := a.hear(r.Context(), user, up, func(string) error { return nil })
		if err != nil {
			return err
		}
		wav := audio.AppendHeader(make([]byte, 0, audio.HeaderBytes+len(up.pcm)), audio.Rate, 1, len(up.pcm))
		one := result{UserID: userID(user), InputWAV: "/static/uploads/" + a.uploads.put(append(wav, up.pcm...)), Text: text}
		a.results.put(user, one)
		writeJSON(w, http.StatusOK, one)
		return nil
	})
}

// pull gives a user's latest transcript: GET /run-model.
func (a *atot) pull(w http.ResponseWriter, r *http.Request) {
	user, err := userID(r.URL.Query().Get("user_id")).or(a.DefaultUser)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	one, ok := a.results.get(user)
	if !ok {
		a.fail(w, r, noResult())
		return
	}
	writeJSON(w, http.StatusOK, one)
}

func noResult() error {
	return &requestError{
		status:  http.StatusNotFound,
		code:    "no_result",
		message: "There is no transcript of this user yet. Send audio with POST /run-model first.",
		param:   "user_id",
	}
}

// upload gives a recording back.
func (a *atot) upload(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	wav, ok := a.uploads.get(name)
	if !ok {
		a.fail(w, r, &requestError{status: http.StatusNotFound, code: "not_found", message: "There is no such recording, or no longer."})
		return
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(wav))
}

// hear gives the transcript, and each addition to it on the way.
func (a *atot) hear(ctx context.Context, user string, up *uploadedAudio, delta func(string) error) (string, error) {
	clip := audio.ClipOf(up.pcm)
	defer clip.Release()
	text, final := "", false
	u := stage.Utterance{UserID: user, Language: strings.TrimSpace(up.fields["language"]), Audio: clip}
	for t, err := range a.ATOT.Transcribe(ctx, u) {
		if err != nil {
			return "", err
		}
		// A transcript that grew is streamed; one that was changed waits for the end.
		if more, ok := strings.CutPrefix(t.Text, text); ok && more != "" && t.Text != "" {
			if err := delta(more); err != nil {
				return "", err
			}
			text = t.Text
		}
		if t.Final {
			text, final = t.Text, true
		}
	}
	if !final {
		return "", errors.New("the engine gave no final transcript")
	}
	return text, nil
}
