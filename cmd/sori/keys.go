package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sori/auth"
)

// keysCmd is `sori keys`: who may use the server. It works on the store itself,
// whether a server runs or not.
type keysCmd struct {
	Make   keysMake   `cmd:"" help:"Make a key and print it, once: it is kept nowhere."`
	List   keysList   `cmd:"" help:"List the keys, without their secrets."`
	Revoke keysRevoke `cmd:"" help:"Revoke a key. Its sessions end within seconds."`
}

type keysMake struct {
	storage `embed:""`

	Name    string        `arg:"" help:"What the key is for, such as 'phone of Kim'."`
	User    string        `placeholder:"ID" help:"The one user that the key is: it sees and changes nothing of others."`
	AnyUser bool          `help:"A key for a backend that has signed its users in: it names the user with each request."`
	Admin   bool          `help:"The key may see and change everybody's data."`
	Expires time.Duration `placeholder:"TIME" help:"When the key ends by itself, such as 720h. Default: never."`
}

// Help goes on from the command's one line.
func (*keysMake) Help() string {
	return `The key is printed to standard output, and all that is kept of it is a hash. Pass it on by a way that nobody reads along.

Examples:

  sori keys make 'phone of Kim' --user kim
  sori keys make 'shop backend' --any-user --expires 2160h
  sori keys make operator --any-user --admin`
}

type keysList struct {
	storage `embed:""`
}

type keysRevoke struct {
	storage `embed:""`

	Key string `arg:"" help:"The key's beginning as 'sori keys list' shows it, such as sori_k7qx2mna5wzt. Never the whole key."`
}

// keys opens the store for work on keys.
func (s *storage) keys(ctx context.Context, c *console) (keys auth.Keys, closeAll func() error, err error) {
	dir, err := s.folder(c)
	if err != nil {
		return keys, nil, err
	}
	redis, err := s.connect(c.getenv)
	if err != nil {
		return keys, nil, err
	}
	if redis == nil {
		if err := makeFolder(dir); err != nil {
			return keys, nil, err
		}
	}
	st, _, err := s.open(ctx, dir, redis)
	if err != nil {
		if redis != nil {
			err = errors.Join(err, redis.Close())
		}
		return keys, nil, err
	}
	return auth.Keys{Store: st}, func() error {
		err := st.Close()
		if redis != nil {
			err = errors.Join(err, redis.Close())
		}
		return err
	}, nil
}

// Run makes a key.
func (k *keysMake) Run(ctx context.Context, c *console) (err error) {
	switch {
	case (k.User != "") == k.AnyUser:
		return &usageError{"say whose key it is: --user ID for one user, or --any-user for a backend that names its users"}
	case k.Expires < 0:
		return &usageError{"--expires can't be negative"}
	case strings.TrimSpace(k.Name) == "":
		return &usageError{"the key needs a name, so that it can be told apart later"}
	}
	keys, done, err := k.keys(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	made := auth.Key{Name: k.Name, User: k.User, Admin: k.Admin}
	if k.Expires > 0 {
		made.Expires = time.Now().Add(k.Expires).UTC().Truncate(time.Second)
	}
	text, made, err := keys.Make(ctx, made)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.err, "This is the key of %q. It is shown only now:\n", made.Name)
	_, err = fmt.Fprintln(c.out, text)
	return err
}

// Run lists the keys.
func (k *keysList) Run(ctx context.Context, c *console) (err error) {
	keys, done, err := k.keys(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	printKeys(c.out, all, time.Now())
	return nil
}

func printKeys(out io.Writer, all []auth.Key, now time.Time) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tNAME\tUSER\tSCOPE\tMADE\tEXPIRES\tSTATE")
	for i := range all {
		k := &all[i]
		user, scope, expires := k.User, "user", "never"
		if user == "" {
			user = "any"
		}
		if k.Admin {
			scope = "admin"
		}
		if !k.Expires.IsZero() {
			expires = k.Expires.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Prefix(), k.Name, user, scope, k.Created.Local().Format(time.DateTime), expires, k.State(now))
	}
	_ = w.Flush() // to a console
}

// Run revokes the key.
func (k *keysRevoke) Run(ctx context.Context, c *console) (err error) {
	id := strings.TrimPrefix(k.Key, "sori_")
	id, secret, _ := strings.Cut(id, "_")
	keys, done, err := k.keys(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	revoked, err := keys.Revoke(ctx, id)
	if errors.Is(err, auth.ErrNoKey) {
		return fmt.Errorf("there is no key sori_%s: `sori keys list` shows them", id)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s (%s) is revoked. Its sessions end within seconds.\n", revoked.Prefix(), revoked.Name)
	if secret != "" {
		fmt.Fprintln(c.out, "You gave the whole key: take it out of your shell's history.")
	}
	return nil
}
