package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

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
	data, err := os.ReadFile(c.Profiles)
	if err != nil {
		return nil, fmt.Errorf("the profiles can't be read: %w", err)
	}
	raw := map[string]map[string]any{}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("%s holds no profiles, a map of names to settings: %s", c.Profiles, yaml.FormatError(err, false, true))
	}
	profiles := make(map[string]protocol.Configure, len(raw))
	for name, fields := range raw {
		fields["type"] = protocol.TypeConfigure
		text, err := json.Marshal(fields)
		if err != nil {
			return nil, fmt.Errorf("the profile %q: %w", name, err)
		}
		m, err := protocol.DecodeClient(text)
		if d, ok := errors.AsType[*protocol.DecodeError](err); ok {
			return nil, fmt.Errorf("the profile %q: %s", name, d.Message)
		}
		p, ok := m.(protocol.Configure)
		if !ok {
			return nil, fmt.Errorf("the profile %q can't be used", name)
		}
		profiles[name] = p
	}
	return profiles, nil
}

// readTools reads the webhooks.
func (c *conduct) readTools(getenv func(string) string) (*webhook.Tools, error) {
	if c.Tools == "" {
		return nil, nil //nolint:nilnil // none are configured
	}
	data, err := os.ReadFile(c.Tools)
	if err != nil {
		return nil, fmt.Errorf("the tools can't be read: %w", err)
	}
	var tools []webhook.Tool
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&tools); err != nil {
		return nil, fmt.Errorf("%s holds no list of tools: %s", c.Tools, yaml.FormatError(err, false, true))
	}
	t, err := webhook.New(tools, webhook.Options{AllowPrivate: c.ToolsAllowPrivate, Allow: c.ToolsAllow, Getenv: getenv})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Tools, err)
	}
	return t, nil
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
