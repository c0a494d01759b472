package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"sori/history"
	"sori/history/export"
)

func user() export.User {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	return export.User{ID: "10", Exported: at, Turns: []history.Turn{
		{
			ID: "a", UserID: "10", StartedAt: at, ATOTText: "what is 1 < 2 & 3?", TTOTText: "True,\nI think.",
			InputMS: 1500, OutputMS: 2250, Timings: history.Timings{AudioFirst: new(250.0)},
			InputWAV: new("/users/10/recordings/a-input.wav"), OutputWAV: new("/users/10/recordings/a-reply.wav"),
		},
		{ID: "b", UserID: "10", StartedAt: at.Add(90 * time.Minute), ATOTText: "typed --> text", OutputMS: 9000, HeardMS: new(int64(3000)), TTOTText: "Half of", InputWAV: new("/static/uploads/other.wav")},
		{ID: "c", UserID: "10", StartedAt: at.Add(2 * time.Hour), ATOTText: " ", TTOTText: ""},
	}}
}

func TestVTT(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := export.VTT(&out, user().Turns); err != nil {
		t.Fatal(err)
	}
	want := `WEBVTT

1
00:00:00.000 --> 00:00:01.500
<v User>what is 1 &lt; 2 &amp; 3?

2
00:00:01.750 --> 00:00:04.000
<v sori>True, I think.

3
01:30:01.500 --> 01:30:02.500
<v User>typed --&gt; text

4
01:30:01.500 --> 01:30:04.500
<v sori>Half of
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := export.VTT(&out, nil); err != nil || out.String() != "WEBVTT\n" {
		t.Errorf("nobody: %q, %v", out.String(), err)
	}
}

func TestJSONReadsBack(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := export.JSON(&out, user()); err != nil {
		t.Fatal(err)
	}
	var back export.User
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.ID != "10" || len(back.Turns) != 3 || back.Turns[0].ATOTText != user().Turns[0].ATOTText {
		t.Errorf("%+v, %v", back, err)
	}
	out.Reset()
	if err := export.JSON(&out, export.User{ID: "x"}); err != nil || !strings.Contains(out.String(), `"turns": []`) {
		t.Errorf("%s, %v", &out, err)
	}
}

func TestZIP(t *testing.T) {
	t.Parallel()
	open := func(_ context.Context, id, name string) (io.ReadCloser, error) {
		if id != "10" || !strings.HasPrefix(name, "a-") {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader("wav of " + name)), nil
	}
	var out bytes.Buffer
	if err := export.ZIP(t.Context(), &out, user(), open); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
	}
	if want := []string{"turns.json", "captions.vtt", "recordings/a-input.wav", "recordings/a-reply.wav"}; !slices.Equal(names, want) {
		t.Errorf("it holds %v", names)
	}
	f, err := archive.Open("recordings/a-reply.wav")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "wav of a-reply.wav" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestZIPSaysWhatBroke(t *testing.T) {
	t.Parallel()
	boom := errors.New("disk on fire")
	open := func(context.Context, string, string) (io.ReadCloser, error) { return nil, boom }
	if err := export.ZIP(t.Context(), io.Discard, user(), open); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := export.ZIP(ctx, io.Discard, user(), open); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
