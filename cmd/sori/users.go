package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// usersCmd is `sori users`: what sori keeps of people, for people. It asks a
// running server, which alone knows of turns that still wait for the store. A
// server that asks for keys wants one with the scope admin, in SORI_KEY.
type usersCmd struct {
	List   usersList   `cmd:"" help:"List the users."`
	Turns  usersTurns  `cmd:"" help:"Show a user's turns, the newest first."`
	Export usersExport `cmd:"" help:"Write all that is kept of a user into a file."`
	Delete usersDelete `cmd:"" help:"Delete a user with all turns and recordings."`
}

// usersAt is the server that is asked.
type usersAt struct {
	URL string `default:"http://127.0.0.1:5000" placeholder:"URL" help:"The server."`
}

type usersList struct {
	usersAt `embed:""`
}

type usersTurns struct {
	usersAt `embed:""`
	ID      string `arg:"" help:"The user."`
	Limit   int    `default:"20" placeholder:"N" help:"How many turns."`
	Before  string `placeholder:"TURN" help:"Only turns before this one: its id, as the last line gives it."`
	JSON    bool   `name:"json" help:"Print the records, one JSON object a line."`
}

type usersExport struct {
	usersAt `embed:""`
	ID      string `arg:"" help:"The user."`
	Format  string `enum:"json,vtt,zip" default:"zip" placeholder:"FORMAT" help:"json: the records; vtt: captions; zip: both, with all recordings."`
	Out     string `short:"o" placeholder:"FILE" help:"Where to; - is standard output. Default: sori-ID.FORMAT."`
}

type usersDelete struct {
	usersAt `embed:""`
	ID      string `arg:"" help:"The user."`
	Yes     bool   `help:"Do not ask."`
}

// usersTime bounds one request, an export of everything included.
const usersTime = 5 * time.Minute

// do asks the server. A refusal is an error in the server's words.
func (u *usersAt) do(ctx context.Context, c *console, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(u.URL, "/")+path, http.NoBody)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--url %s is no address of a server: %v", u.URL, err)}
	}
	maps.Copy(req.Header, showKey(c))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("nobody answers at %s: is `sori serve` running there?", req.URL.Host)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	defer resp.Body.Close()
	var problem struct{ Detail string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&problem); err != nil || problem.Detail == "" {
		problem.Detail = resp.Status
	}
	return nil, fmt.Errorf("the server refused: %s", problem.Detail)
}

// read asks the server and decodes its JSON.
func (u *usersAt) read(ctx context.Context, c *console, path string, into any) error {
	ctx, stop := context.WithTimeout(ctx, usersTime)
	defer stop()
	resp, err := u.do(ctx, c, http.MethodGet, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("what the server answered can't be read: %w", err)
	}
	return nil
}

// Run lists the users.
func (u *usersList) Run(ctx context.Context, c *console) error {
	var users []struct {
		ID   any      `json:"id"`
		Said []string `json:"atot_text_list"`
	}
	if err := u.read(ctx, c, "/users", &users); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tTURNS")
	for _, user := range users {
		fmt.Fprintf(w, "%v\t%d\n", user.ID, len(user.Said))
	}
	return w.Flush()
}

// Run shows turns.
func (u *usersTurns) Run(ctx context.Context, c *console) error {
	query := url.Values{"limit": {fmt.Sprint(u.Limit)}}
	if u.Before != "" {
		query.Set("before", u.Before)
	}
	var page struct {
		Turns []json.RawMessage `json:"turns"`
		More  bool              `json:"more"`
	}
	if err := u.read(ctx, c, "/users/"+url.PathEscape(u.ID)+"/turns?"+query.Encode(), &page); err != nil {
		return err
	}
	last := ""
	for _, raw := range page.Turns {
		var t struct {
			ID, Status string
			StartedAt  time.Time `json:"started_at"`
			Said       string    `json:"atot_text"`
			Answered   string    `json:"ttot_text"`
		}
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("a record of the server can't be read: %w", err)
		}
		last = t.ID
		if u.JSON {
			fmt.Fprintf(c.out, "%s\n", raw)
			continue
		}
		fmt.Fprintf(c.out, "%s  %-9s  %s\n    user  %s\n    sori  %s\n", t.StartedAt.Local().Format(time.DateTime), t.Status, t.ID, t.Said, t.Answered)
	}
	if page.More && !u.JSON {
		fmt.Fprintf(c.out, "older ones: --before %s\n", last)
	}
	return nil
}

// Run writes the export.
func (u *usersExport) Run(ctx context.Context, c *console) (err error) {
	ctx, stop := context.WithTimeout(ctx, usersTime)
	defer stop()
	resp, err := u.do(ctx, c, http.MethodGet, "/users/"+url.PathEscape(u.ID)+"/export?format="+u.Format)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if u.Out == "-" {
		_, err = io.Copy(c.out, resp.Body)
		return err
	}
	name := u.Out
	if name == "" {
		name = "sori-" + strings.Map(fileRune, u.ID) + "." + u.Format
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the file that the user named
	if err != nil {
		return fmt.Errorf("the export can't be written: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(name)
		}
	}()
	n, err := io.Copy(f, resp.Body)
	if err != nil {
		return fmt.Errorf("the export broke off: %w", err)
	}
	fmt.Fprintf(c.out, "%s, %d KB\n", name, (n+1023)/1024)
	return nil
}

// fileRune keeps a user's id fit for the name of a file.
func fileRune(r rune) rune {
	if r == '/' || r == '\\' || r == ':' || r < ' ' {
		return '_'
	}
	return r
}

// Run deletes the user, after asking.
func (u *usersDelete) Run(ctx context.Context, c *console) error {
	if !u.Yes {
		fmt.Fprintf(c.out, "Delete the user %s with all turns and recordings? This can't be undone. Type yes: ", u.ID)
		var answer string
		if _, err := fmt.Fscanln(c.in, &answer); err != nil || answer != "yes" {
			return errors.New("nothing was deleted")
		}
	}
	ctx, stop := context.WithTimeout(ctx, usersTime)
	defer stop()
	resp, err := u.do(ctx, c, http.MethodDelete, "/users/"+url.PathEscape(u.ID))
	if err != nil {
		return err
	}
	resp.Body.Close()
	fmt.Fprintf(c.out, "The user %s is deleted.\n", u.ID)
	return nil
}
