package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// frozen shows a state for ever, and takes no transactions.
type frozen struct {
	chain.Backend
	state *ledger.State
}

func (f frozen) State() *ledger.State { return f.state }

func (f frozen) Submit(context.Context, []byte) (chain.Receipt, error) {
	return chain.Receipt{}, errors.New("a transaction came to a server that is behind")
}

// grow makes a block.
func grow(t *testing.T, l *embedded.Ledger, nonce uint64) {
	t.Helper()
	if r, err := l.Submit(t.Context(), sign(t, l, nonce, ledger.Transfer{To: ledger.Address{1}, Amount: 1})); err != nil || r.Err != nil {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
}

// TestSession asks a server that is behind first, and then the one that is not: in a
// session each question is answered from a state that is no older than what was seen.
func TestSession(t *testing.T) {
	l, _, server, _ := serve(t)
	late := httptest.NewServer(Handler(chain.Local(frozen{l, l.State()})))
	defer late.Close()
	nonce := uint64(0)
	for name, question := range map[string]func(context.Context, *Client) error{
		"status": func(ctx context.Context, c *Client) error {
			s, err := c.Status(ctx)
			if err == nil && s.Height != nonce {
				err = fmt.Errorf("height %d, want %d", s.Height, nonce)
			}
			return err
		},
		"proof": func(ctx context.Context, c *Client) error {
			p, err := c.Prove(ctx, ledger.SystemKey())
			if err == nil && p.Height != nonce {
				err = fmt.Errorf("height %d, want %d", p.Height, nonce)
			}
			return err
		},
		"list": func(ctx context.Context, c *Client) error {
			p, err := c.List(ctx, nil, nil, 1)
			if err == nil && p.Height != nonce {
				err = fmt.Errorf("height %d, want %d", p.Height, nonce)
			}
			return err
		},
		"blob": func(ctx context.Context, c *Client) error { _, err := c.Blob(ctx, [32]byte{1}); return err },
		"transaction": func(ctx context.Context, c *Client) error {
			_, err := c.Submit(ctx, sign(t, l, nonce, ledger.Transfer{To: ledger.Address{1}, Amount: 1}))
			nonce++
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			grow(t, l, nonce)
			nonce++
			session := new(chain.Session)
			ctx := session.Context(t.Context())
			if _, err := NewClient(server.URL).Status(ctx); err != nil || session.Height() != nonce {
				t.Fatalf("height %d was seen (%v), want %d", session.Height(), err, nonce)
			}
			if err := question(ctx, NewClient(late.URL+","+server.URL)); err != nil {
				t.Error(err)
			}
			if session.Height() != nonce {
				t.Errorf("height %d was seen, want %d", session.Height(), nonce)
			}
		})
	}
	// Without a session nobody minds.
	if s, err := NewClient(late.URL + "," + server.URL).Status(t.Context()); err != nil || s.Height != 0 {
		t.Errorf("height %d (%v), want that of the first server", s.Height, err)
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"no height": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, chain.ErrAnswer},
		"an older one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(HeightHeader, "1")
			_, _ = w.Write([]byte("{}"))
		}, chain.ErrBehind},
	} {
		liar := httptest.NewServer(test.answer)
		session := new(chain.Session)
		session.Saw(2)
		if err := newServer(liar.URL, http.DefaultClient).json(session.Context(t.Context()), http.MethodGet, StatusPath, nil, new(chain.Status)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		liar.Close()
	}
	req := httptest.NewRequest(http.MethodGet, StatusPath, strings.NewReader(""))
	req.Header.Set(HeightHeader, "high")
	w := httptest.NewRecorder()
	if Handler(chain.Local(l)).ServeHTTP(w, req); w.Code != http.StatusBadRequest {
		t.Errorf("a height that is none: %d, want %d", w.Code, http.StatusBadRequest)
	}
}

// TestCaughtUp: servers that stay behind are asked for some seconds, and no longer than
// whoever asks has time; and every other error is told at once.
func TestCaughtUp(t *testing.T) {
	other := errors.New("other")
	for _, test := range []struct {
		name  string
		err   error // of the first tries
		tries int   // that fail; more than there will be
		time  time.Duration
		want  error
		least int
	}{
		{"none", nil, 0, time.Hour, nil, 1},
		{"another one", other, 1000, time.Hour, other, 1},
		{"behind for a while", chain.ErrBehind, 4, time.Hour, nil, 5},
		{"behind for ever", chain.ErrBehind, 1000, time.Hour, chain.ErrBehind, 5},
		{"behind, and no time", chain.ErrBehind, 1000, 100 * time.Millisecond, chain.ErrBehind, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.time)
				defer cancel()
				began, tries := time.Now(), 0
				_, err := caughtUp(ctx, func() (struct{}, error) {
					if tries++; tries <= test.tries {
						return struct{}{}, test.err
					}
					return struct{}{}, nil
				})
				if !errors.Is(err, test.want) || tries < test.least || time.Since(began) > min(behindTime, test.time) {
					t.Errorf("%v after %d tries in %v, want %v after %d at least in %v at most", err, tries, time.Since(began), test.want, test.least, min(behindTime, test.time))
				}
			})
		})
	}
}

// TestCutOff: who follows a server that has no events any more, though others have, goes on with
// another; and one that is not ready is passed over.
func TestCutOff(t *testing.T) {
	l, _, server, _ := serve(t)
	stale, cancel := context.WithCancel(t.Context())
	cancel()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("wait") // as if it had waited
		r.URL.RawQuery = q.Encode()
		Handler(chain.Local(silent{frozen{l, l.State()}})).ServeHTTP(w, r)
	}))
	defer cut.Close()
	grow(t, l, 0)
	c := NewClient(cut.URL + "," + server.URL)
	events, next, err := c.Events(t.Context(), chain.Cursor{}, 10)
	if _, want, _ := l.Events(stale, chain.Cursor{}, 10); err != nil || next != want {
		t.Fatalf("%d events up to %v (%v), want those of the other server, up to %v", len(events), next, err, want)
	}
	if s, err := c.Status(t.Context()); err != nil || s.Height != 1 {
		t.Errorf("height %d (%v), want that of the other server, 1", s.Height, err)
	}
	away := httptest.NewServer(Ready(func() error { return fmt.Errorf("%w: block 5", chain.ErrBehind) }, Handler(chain.Local(l))))
	defer away.Close()
	if s, err := NewClient(away.URL + "," + server.URL).Status(t.Context()); err != nil || s.Height != 1 {
		t.Errorf("height %d (%v), want that of the server that is ready", s.Height, err)
	}
	if _, err := newServer(away.URL, http.DefaultClient).Status(t.Context()); !errors.Is(err, chain.ErrBehind) || !strings.Contains(err.Error(), "block 5") {
		t.Errorf("%v, want ErrBehind, and why", err)
	}
	if _, err := newServer(away.URL, http.DefaultClient).Genesis(t.Context()); err != nil {
		t.Errorf("the genesis of a server that is behind: %v", err)
	}
}

// silent knows of no events.
type silent struct {
	frozen
}

func (s silent) Events(_ context.Context, from chain.Cursor, _ int) ([]chain.Event, chain.Cursor, error) {
	return nil, from, nil
}
