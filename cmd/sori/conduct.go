package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"

	"sori/clients/webhook"
	"sori/protocol"
	"sori/session"
)

// conduct is how conversations are held beyond what clients say of it.
type conduct struct {
	Profiles          string   `placeholder:"FILE.yaml" setting:"" help:"Settings that clients can ask for by name: a map of names to what a session.configure may hold, such as 'kiosk: {language: ko, idle_prompt: {after_ms: 20000, text: …}}'."`
	Tools             string   `placeholder:"FILE.yaml" setting:"" help:"Webhooks that the model may call: a list of name, description, parameters (a JSON Schema), url, headers, secret and timeout."`
	ToolsAllow        []string `placeholder:"HOST:PORT" setting:"" help:"Private addresses that webhooks may be sent to, separated by commas. Other private addresses are refused."`
	ToolsAllowPrivate bool     `setting:"" help:"Let webhooks go to any private address."`
}

// readProfiles reads the profiles and checks each as a client's message would be.
func (c *conduct) readProfiles() (map[string]protocol.Configure, error) {
	if c.Profiles == "" {
		return nil, nil //nolint:nilnil // none are configured
	}
	text, err := readBounded(c.Profiles, maxYAML)
	var profiles map[string]protocol.Configure
	if err == nil {
		profiles, err = parseProfiles(text)
	}
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--profiles %s: %v", c.Profiles, err)}
	}
	return profiles, nil
}

// parseProfiles reads the YAML of profiles.
func parseProfiles(text []byte) (map[string]protocol.Configure, error) {
	raw := map[string]map[string]any{}
	if err := decodeYAML(text, &raw); err != nil {
		return nil, fmt.Errorf("there are no profiles in it, a map of names to settings: %w", err)
	}
	profiles := make(map[string]protocol.Configure, len(raw))
	for name, fields := range raw {
		p, err := profile(fields)
		if err != nil {
			return nil, fmt.Errorf("the profile %q: %w", name, err)
		}
		profiles[name] = p
	}
	return profiles, nil
}

// profile reads one profile.
func profile(fields map[string]any) (protocol.Configure, error) {
	if fields == nil {
		return protocol.Configure{}, errors.New("it holds nothing: leave it out, or give it settings")
	}
	fields["type"] = protocol.TypeConfigure
	text, err := json.Marshal(fields)
	if err != nil {
		return protocol.Configure{}, err
	}
	m, err := protocol.DecodeClient(text)
	if d, ok := errors.AsType[*protocol.DecodeError](err); ok {
		return protocol.Configure{}, errors.New(d.Message)
	}
	p, ok := m.(protocol.Configure)
	if !ok {
		return protocol.Configure{}, errors.New("it can't be used")
	}
	return p, nil
}

// readTools reads the webhooks.
func (c *conduct) readTools(getenv func(string) string) (*webhook.Tools, error) {
	if c.Tools == "" {
		return nil, nil //nolint:nilnil // none are configured
	}
	text, err := readBounded(c.Tools, maxYAML)
	var tools *webhook.Tools
	if err == nil {
		tools, err = parseTools(text, webhook.Options{AllowPrivate: c.ToolsAllowPrivate, Allow: c.ToolsAllow, Getenv: getenv})
	}
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--tools %s: %v", c.Tools, err)}
	}
	return tools, nil
}

// parseTools reads the YAML of webhooks.
func parseTools(text []byte, o webhook.Options) (*webhook.Tools, error) {
	var tools []webhook.Tool
	if err := decodeYAML(text, &tools, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("there is no list of tools in it: %w", err)
	}
	return webhook.New(tools, o)
}

// check says what is wrong with the files, before anything is started.
func (c *conduct) check(getenv func(string) string) error {
	if _, err := c.readProfiles(); err != nil {
		return err
	}
	tools, err := c.readTools(getenv)
	if err == nil && tools != nil {
		tools.Close()
	}
	return err
}

// equip hands profiles and tools to the sessions. It gives what closes them.
func (c *conduct) equip(getenv func(string) string, o *session.Options, d *session.Deps) (closeAll func(), err error) {
	if o.Profiles, err = c.readProfiles(); err != nil {
		return nil, err
	}
	tools, err := c.readTools(getenv)
	if err != nil {
		return nil, err
	}
	if tools == nil { // a nil pointer in an interface is not nil
		return func() {}, nil
	}
	d.Tools = tools
	return tools.Close, nil
}
