package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// archived returns a ledger after some epochs, and an archive of it.
func archived(t testing.TB) (*ledgertest.Network, *light.Archive) {
	t.Helper()
	n, err := ledgertest.NewNetwork(4, 10, "alice")
	if err != nil {
		t.Fatal(err)
	}
	a := light.NewArchive(n.State)
	n.Follow = a.Add
	for range 3 {
		if err := n.NextEpoch(); err != nil {
			t.Fatal(err)
		}
	}
	return n, a
}

// TestLightClient: a light client follows a ledger over HTTP as it does from its archive.
func TestLightClient(t *testing.T) {
	n, a := archived(t)
	server := httptest.NewServer(Handler(nil, Light(a)))
	defer server.Close()
	source := NewLightSource(server.URL + "/")
	c, err := light.New(n.State.Genesis(), light.Options{}, source)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	at, err := c.Sync(ctx)
	want := ledger.Get[ledger.Certified](n.State, ledger.LastCheckpointKey()).Checkpoint
	if err != nil || at != want {
		t.Fatalf("%+v (%v), want %+v", at, err, want)
	}
	value, ok, _, err := c.Get(ctx, ledger.SystemKey())
	if err != nil || !ok || len(value) == 0 {
		t.Errorf("the system: %x, %v (%v)", value, ok, err)
	}
	if value, ok, _, err := c.Get(ctx, ledger.BlobKey(ledger.ObjectID{})); err != nil || ok {
		t.Errorf("a blob that is not there: %x, %v (%v)", value, ok, err)
	}
	of, err := c.Committee(ctx, 2)
	if err != nil || of.Epoch() != 2 {
		t.Errorf("committee %v (%v)", of, err)
	}
	if got := source.Received(); got == 0 {
		t.Error("nothing was received")
	}
	if _, err := source.Committee(ctx, 77); !errors.Is(err, light.ErrUnknown) {
		t.Errorf("committee of epoch 77: %v, want ErrUnknown", err)
	}
	if _, err := source.Prove(ctx, 77, ledger.SystemKey()); !errors.Is(err, light.ErrUnknown) {
		t.Errorf("proof at height 77: %v, want ErrUnknown", err)
	}
	if all, err := source.Handovers(ctx, 77); err != nil || len(all) > 0 {
		t.Errorf("handovers from epoch 77 on: %d (%v), want none", len(all), err)
	}
}

func TestBadLightRequests(t *testing.T) {
	_, a := archived(t)
	server := httptest.NewServer(Handler(nil, Light(a)))
	defer server.Close()
	for _, test := range []struct {
		name, method, path string
		status             int
	}{
		{"wrong method", "POST", CheckpointPath, 405},
		{"epoch is no number", "GET", HandoversPath + "?from=x", 400},
		{"negative epoch", "GET", HandoversPath + "?from=-1", 400},
		{"epoch that is too large", "GET", CommitteePath + "?epoch=4294967296", 400},
		{"no such epoch", "GET", CommitteePath + "?epoch=0", 404},
		{"height that is too large", "GET", LightProofPath + "?height=18446744073709551616&key=79", 400},
		{"no key", "GET", LightProofPath + "?height=0", 400},
		{"key that is not hexadecimal", "GET", LightProofPath + "?height=0&key=7", 400},
		{"key that is too long", "GET", LightProofPath + "?height=0&key=" + strings.Repeat("00", 257), 400},
		{"no such height", "GET", LightProofPath + "?height=999999&key=79", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectStatus(t, test.method, server.URL+test.path, "", test.status)
		})
	}
}

// TestLightBounds: messages that are longer than one can be are none, and not read to
// their end.
func TestLightBounds(t *testing.T) {
	n, _ := archived(t)
	for _, test := range []struct {
		name   string
		length int64
		want   error
	}{
		{"longer than a message", light.MaxMessage + 1, light.ErrMessage},
		{"longer than any answer", maxAnswer + 1, chain.ErrAnswer},
		{"without an end", 1 << 40, chain.ErrAnswer},
	} {
		sent := int64(0)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			piece := make([]byte, 1<<20)
			for sent = 0; sent < test.length; {
				part := piece[:min(int64(len(piece)), test.length-sent)]
				if _, err := w.Write(part); err != nil {
					return
				}
				sent += int64(len(part))
			}
		}))
		c, err := light.New(n.State.Genesis(), light.Options{}, NewLightSource(server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Sync(context.Background()); !errors.Is(err, light.ErrSource) || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		server.Close()
		if sent > 4*maxAnswer {
			t.Errorf("%s: %d bytes were sent", test.name, sent)
		}
	}
}

// changed is a connection to a handler on which a stranger changes answers.
type changed struct {
	handler http.Handler
	change  func(path string, data []byte) []byte
}

// RoundTrip is http.RoundTripper's.
func (c changed) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	resp := w.Result()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(c.change(r.URL.Path, data)))
	return resp, nil
}

// FuzzLightSource: whatever a stranger makes of an answer, a light client believes what is
// true, or nothing.
func FuzzLightSource(f *testing.F) {
	n, a := archived(f)
	handler := Handler(nil, Light(a))
	genesis := n.State.Genesis()
	want := ledger.Get[ledger.Certified](n.State, ledger.LastCheckpointKey()).Checkpoint
	proof, err := a.Prove(context.Background(), want.Height, ledger.SystemKey())
	if err != nil {
		f.Fatal(err)
	}
	system, _, err := proof.Verify(want.Root, ledger.SystemKey())
	if err != nil {
		f.Fatal(err)
	}
	paths := []string{CheckpointPath, HandoversPath, CommitteePath, LightProofPath}
	for kind := range paths {
		f.Add(byte(kind), uint16(40), uint16(1), []byte{1})
		f.Add(byte(kind), uint16(0), uint16(65535), []byte(`{"error":"x"}`))
		f.Add(byte(kind), uint16(3), uint16(0), []byte("insert"))
	}
	f.Fuzz(func(t *testing.T, kind byte, at, cut uint16, insert []byte) {
		source := &LightSource{server: *newServer("http://light", &http.Client{Transport: changed{handler, func(path string, data []byte) []byte {
			if path != paths[int(kind)%len(paths)] {
				return data
			}
			at := min(int(at), len(data))
			end := min(at+int(cut), len(data))
			return append(append(bytes.Clone(data[:at]), insert...), data[end:]...)
		}}})}
		c, err := light.New(genesis, light.Options{}, source)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		got, err := c.Sync(ctx)
		if err == nil && got != want && got.Height != 0 {
			t.Fatalf("%+v is believed, and true is %+v", got, want)
		}
		value, ok, where, err := c.Get(ctx, ledger.SystemKey())
		if err == nil && where == want && (!ok || !bytes.Equal(value, system)) {
			t.Fatalf("the system is %x, %v; want %x", value, ok, system)
		}
		if of, err := c.Committee(ctx, 2); err == nil && of.Epoch() != 2 {
			t.Fatalf("a committee of epoch %d, want 2", of.Epoch())
		}
	})
}
