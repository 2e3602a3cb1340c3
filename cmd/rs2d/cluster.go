package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/identity"
)

// clusterFlags say which committee of nodes to speak to.
type clusterFlags struct {
	plane.Flags
	Timeout   time.Duration `default:"1m" help:"Time for all of it, but for the writing of what was read."`
	MaxMemory string        `default:"4GiB" placeholder:"SIZE" help:"Bytes of blobs and slivers to hold at most."`
}

// session is what a command has of a committee, and the context that ends with the
// command's time.
type session struct {
	*client.Client
	app    *app
	flags  *clusterFlags
	ctx    context.Context
	end    context.CancelFunc
	left   bool  // a call did not end with ctx, and goes on in vain
	memory int64 // that the client may use
}

// plane reads the committee's file, or asks the ledger.
func (c *clusterFlags) plane(a *app) (*plane.Plane, error) {
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	return ctxio.Await(ctx, func() (*plane.Plane, error) { return c.Open(ctx) })
}

// keyFile returns the file of the client's secret: the one that is named, or client.key
// beside the committee's file or the genesis.
func (c *clusterFlags) keyFile(named string) string {
	if named != "" {
		return named
	}
	beside := c.Committee
	if c.Ledger != "" {
		beside = c.Genesis
	}
	return filepath.Join(filepath.Dir(beside), clientKeyName)
}

// session begins the command's time, and returns a client of the committee, which has
// the key, or none. It fills in the options that flags are for.
func (c *clusterFlags) session(a *app, all control.Control, key *identity.Key, o client.Options) (*session, error) {
	memory, err := parseSize("--max-memory", c.MaxMemory)
	if err != nil {
		return nil, err
	}
	o.MaxMemory = int64(min(memory, 1<<62))
	cl, err := client.New(all, key, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	return &session{Client: cl, app: a, flags: c, ctx: ctx, end: cancel, memory: o.MaxMemory}, nil
}

// unlimited has the session last until the command is interrupted: each of its blobs has the
// command's time.
func (s *session) unlimited() {
	s.end()
	s.ctx, s.end = context.WithCancel(s.app.ctx)
}

// each returns a session with the command's time for one of several blobs.
func (s *session) each(ctx context.Context) (*session, context.CancelFunc) {
	one := *s
	one.ctx, one.end = context.WithTimeout(ctx, s.flags.Timeout)
	return &one, one.end
}

// open is session for commands that only read.
func (c *clusterFlags) open(a *app, o client.Options) (*session, error) {
	p, err := c.plane(a)
	if err != nil {
		return nil, c.ledgerError(err)
	}
	return c.session(a, p.Control, nil, o)
}

// frugal has garbage collected when there is a twentieth of what is in use, and not as much as
// that, until restore is called. Of a large blob a few long buffers are in use, in which there
// is nothing to look for, and little garbage is made. Whoever has set GOGC knows better.
func frugal() (restore func()) {
	const percent = 5
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}

// leave is how long a call that has been told to end is waited for: it then knows why
// it has not come to its end, which says more than that time is up.
const leave = 500 * time.Millisecond

// do runs f, which speaks to nodes or reads what is to be sent to them, and ends with
// the session's context. What does not end with it, such as coding in the middle of a
// blob, goes on in vain.
func do[T any](s *session, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var r result
	done := make(chan result, 1)
	go func() {
		value, err := f(s.ctx)
		done <- result{value, err}
	}()
	select {
	case r = <-done:
	case <-s.ctx.Done():
		select {
		case r = <-done:
		case <-time.After(leave):
			r.err, s.left = s.ctx.Err(), true
		}
	}
	switch {
	case errors.Is(r.err, context.DeadlineExceeded) && s.ctx.Err() != nil:
		r.err = fmt.Errorf("not done in %v: %w", s.flags.Timeout, client.ErrUnavailable)
	case errors.Is(r.err, client.ErrTooLarge):
		r.err = fmt.Errorf("%w, --max-memory %s", r.err, s.flags.MaxMemory)
	}
	return r.value, r.err
}

// within is do with a sign of life.
func within[T any](s *session, label string, f func(context.Context) (T, error)) (T, error) {
	return ui.Wait(context.WithoutCancel(s.ctx), s.app.progress, label, func() (T, error) { return do(s, f) })
}

// close ends the session. The client is not closed under a call that goes on, and is
// not waited for longer than a call would be.
func (s *session) close() {
	s.end()
	if s.left {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leave)
	defer cancel()
	_, _ = ctxio.Await(ctx, func() (struct{}, error) { s.Close(); return struct{}{}, nil })
}

// isID reports whether an argument is the id of a blob or a patch, or an address.
func isID(arg string) bool {
	_, blob := commit.ParseBlobID(arg)
	_, patch := quilt.ParsePatchID(arg)
	return blob == nil || patch == nil
}

// dashedIDs puts ids of blobs and patches, and addresses of accounts, that begin with a dash where they
// are not taken for flags: last, or with the flag whose value they are.
func dashedIDs(args []string) []string {
	var flags, ids []string
	for i, arg := range args {
		if arg == "--" {
			flags = append(flags, args[i:]...)
			return append(flags, ids...)
		}
		switch {
		case !strings.HasPrefix(arg, "-") || !isID(arg):
			flags = append(flags, arg)
		case i > 0 && args[i-1] == "--account":
			flags[len(flags)-1] += "=" + arg
		default:
			ids = append(ids, arg)
		}
	}
	if ids == nil {
		return flags
	}
	return append(append(flags, "--"), ids...)
}
