package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"sori/audio"
	"sori/protocol"
)

// script is a conversation to be driven hands-free: a microphone that is always
// open, what is said into it and when, and what is to happen.
type script struct {
	Mode      string       `yaml:"mode"`       // of turn detection; default server_vad
	Eagerness string       `yaml:"eagerness"`  // of semantic mode
	SilenceMS int          `yaml:"silence_ms"` // default 500
	Steps     []scriptStep `yaml:"steps"`
}

// scriptStep is one line of a script. Exactly one of the first six is set.
type scriptStep struct {
	Say    string        `yaml:"say"`    // a WAV file beside the script, spoken in real time
	Text   string        `yaml:"text"`   // a typed turn
	Pause  time.Duration `yaml:"pause"`  // silence
	Wait   string        `yaml:"wait"`   // the next event of this type
	Commit bool          `yaml:"commit"` // end the utterance by hand
	Cancel bool          `yaml:"cancel"` // stop the turn

	Where   map[string]string `yaml:"where"`   // of a wait: fields that the event must have, such as reason: interrupted
	Not     string            `yaml:"not"`     // of a wait: an event that must not come before it
	Timeout time.Duration     `yaml:"timeout"` // of a wait; default 30s

	pcm []byte // of Say, at audio.Rate
}

const waitTimeout = 30 * time.Second

// readScript reads a script and the recordings that it names.
func readScript(name string) (*script, error) {
	text, err := readBounded(name, maxYAML)
	var s *script
	if err == nil {
		s, err = parseScript(text)
	}
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--converse %s: %v", name, err)}
	}
	for i := range s.Steps {
		st := &s.Steps[i]
		if st.Say == "" {
			continue
		}
		if st.pcm, err = readAt16k(filepath.Join(filepath.Dir(name), st.Say)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseScript reads the YAML of a script.
func parseScript(text []byte) (*script, error) {
	s := &script{Mode: string(protocol.ServerVAD)}
	if err := decodeYAML(text, s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("it is no script: %w", err)
	}
	if len(s.Steps) == 0 {
		return nil, errors.New("it has no steps: under steps: there is a list of say, text, pause, wait, commit and cancel")
	}
	for i := range s.Steps {
		st := &s.Steps[i]
		if st.kinds() != 1 {
			return nil, fmt.Errorf("step %d: exactly one of say, text, pause, wait, commit and cancel", i+1)
		}
		if st.Timeout == 0 {
			st.Timeout = waitTimeout
		}
	}
	return s, nil
}

func (st *scriptStep) kinds() int {
	n := 0
	for _, set := range []bool{st.Say != "", st.Text != "", st.Pause > 0, st.Wait != "", st.Commit, st.Cancel} {
		if set {
			n++
		}
	}
	return n
}

// readAt16k reads a WAV file and brings it to the rate of the script's session.
func readAt16k(name string) ([]byte, error) {
	pcm, err := readSpeech(io.Reader(nil), name)
	if err != nil {
		return nil, err
	}
	if pcm.Rate == audio.Rate {
		return pcm.Data, nil
	}
	rs, err := audio.NewResampler(pcm.Rate, audio.Rate)
	if err != nil {
		return nil, fmt.Errorf("%s can't be brought to %d Hz: %w", name, audio.Rate, err)
	}
	return rs.Flush(rs.Append(nil, pcm.Data)), nil
}

// configure is the session of the script.
func (s *script) configure() (protocol.Configure, error) {
	detection := map[string]any{"mode": s.Mode}
	if s.Eagerness != "" {
		detection["eagerness"] = s.Eagerness
	}
	if s.SilenceMS != 0 {
		detection["silence_ms"] = s.SilenceMS
	}
	data, err := json.Marshal(map[string]any{"type": protocol.TypeConfigure, "turn_detection": detection})
	if err != nil {
		return protocol.Configure{}, err
	}
	m, err := protocol.DecodeClient(data)
	if err != nil {
		return protocol.Configure{}, &usageError{"the script: " + err.Error()}
	}
	c, _ := m.(protocol.Configure)
	return c, nil
}

// matches says whether an event, as it came, has the fields that a step asks
// for. A dot leads into an object: record.status.
func (st *scriptStep) matches(text []byte) (bool, string) {
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return false, "it is no JSON"
	}
	for path, want := range st.Where {
		var at any = fields
		for key := range strings.SplitSeq(path, ".") {
			m, _ := at.(map[string]any)
			at = m[key]
		}
		if got := fmt.Sprint(at); got != want {
			return false, fmt.Sprintf("%s is %q, not %q", path, got, want)
		}
	}
	return true, ""
}
