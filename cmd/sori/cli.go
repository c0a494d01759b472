package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the command line. A flag with the tag "setting" can also be set by an
// environment variable, SORI_ and its name, and in the configuration file.
type cli struct {
	Config    string `placeholder:"FILE" env-only:"" help:"Read settings from this YAML file: the flags below without their dashes, such as 'addr: 0.0.0.0:5000'."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" setting:"" help:"How much to log: debug, info, warn or error."`
	LogFormat string `enum:"text,json" default:"text" placeholder:"FORMAT" setting:"" help:"How to log: text for people, json for machines."`

	Serve   serveCmd   `cmd:"" help:"Start the server: WebSocket sessions at /ws, history over HTTP."`
	Talk    talkCmd    `cmd:"" help:"Say WAV files or text to a server and show everything that it answers."`
	Doctor  doctorCmd  `cmd:"" help:"Look whether all that sori needs is there, and say what to do about what is not."`
	Models  modelsCmd  `cmd:"" help:"Fetch, check and list the files of the local engines."`
	Engine  engineCmd  `cmd:"" help:"Run a local engine by itself, for other servers to use."`
	Users   usersCmd   `cmd:"" help:"List, show, export and delete what is kept of users."`
	Keys    keysCmd    `cmd:"" help:"Make, list and revoke the keys that let clients in."`
	Bench   benchCmd   `cmd:"" help:"Measure a server beside what the machine can do."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

const description = `A self-hosted, real-time voice session server: audio in over one WebSocket, ` +
	`speech to text (ATOT), text to text (TTOT) and text to speech (TTS), audio out, and every stage visible as it happens.

The usual way:

  sori models pull      fetch the local models, once
  sori serve            start the server on 127.0.0.1:5000
  sori talk hello.wav   speak to it

Every setting is a flag, an environment variable, or a line in the file that --config or SORI_CONFIG names; ` +
	`the flag wins over the variable, and that over the file.`

// newParser gives the parser of the command line. exit is called where the
// parser would end the program.
func newParser(cmd *cli, c *console, exit func(int)) (*kong.Kong, error) {
	return kong.New(cmd,
		kong.Name("sori"),
		kong.Description(description),
		kong.Writers(c.out, c.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, FlagsLast: true}),
		kong.ValueFormatter(formatHelp),
		kong.WithBeforeResolve(func(ctx *kong.Context) error {
			s, err := loadSettings(ctx, c.getenv)
			if err != nil {
				return err
			}
			ctx.AddResolver(s)
			return nil
		}),
	)
}

// formatHelp adds the name of the environment variable to a flag's help.
func formatHelp(v *kong.Value) string {
	help := v.Help
	if v.HasDefault && v.Default != "" && !v.IsBool() && !strings.Contains(help, "Default") {
		help += fmt.Sprintf(" Default: %s.", v.Default)
	}
	if v.Flag != nil && (v.Tag.Has("setting") || v.Tag.Has("env-only")) {
		help += fmt.Sprintf(" ($%s)", envName(v.Name))
	}
	return help
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "SORI_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// lookup gives the environment as a function.
func lookup(env []string) func(string) string {
	m := make(map[string]string, len(env))
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			m[k] = v
		}
	}
	return func(k string) string { return m[k] }
}

// logger makes the program's logger.
func (c *cli) logger(con *console) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(con.err, o))
	}
	return slog.New(slog.NewTextHandler(con.err, o))
}

// versionCmd is `sori version`.
type versionCmd struct{}

// Run prints the version.
func (*versionCmd) Run(c *console) error {
	_, err := fmt.Fprintf(c.out, "sori %s\n", version)
	return err
}
