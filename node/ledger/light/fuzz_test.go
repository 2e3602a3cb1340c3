package light_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// FuzzMessages: bytes of strangers are a message whose bytes they are, or none.
func FuzzMessages(f *testing.F) {
	s := epochs(f)
	handovers := must[[]light.Handover](f)(s.Handovers(ctx, 1))
	f.Add(light.MarshalHandovers(handovers))
	f.Add(light.MarshalHandovers(handovers[:1]))
	f.Add(light.MarshalCheckpoint(must[*ledger.Certified](f)(s.Last(ctx))))
	f.Add(light.MarshalCommittee(must[*ledger.Committee](f)(s.Archive.Committee(ctx, 1))))
	f.Fuzz(func(t *testing.T, data []byte) {
		judge := func(name string, again []byte, err error) {
			t.Helper()
			switch {
			case err != nil && !errors.Is(err, light.ErrMessage):
				t.Fatalf("%s: error %v, want ErrMessage", name, err)
			case err == nil && !bytes.Equal(again, data):
				t.Fatalf("%s: % x was read as what is written % x", name, data, again)
			}
		}
		all, err := light.ParseHandovers(data)
		judge("handovers", light.MarshalHandovers(all), err)
		if c, err := light.ParseCheckpoint(data); err != nil {
			judge("checkpoint", nil, err)
		} else {
			judge("checkpoint", light.MarshalCheckpoint(c), nil)
		}
		if c, err := light.ParseCommittee(data); err != nil {
			judge("committee", nil, err)
		} else {
			judge("committee", light.MarshalCommittee(c), nil)
		}
	})
}

// wire is a source whose messages a stranger has changed.
type wire struct {
	light.Source
	change func(kind byte, data []byte) []byte
}

func (w wire) Last(ctx context.Context) (*ledger.Certified, error) {
	c, err := w.Source.Last(ctx)
	if err != nil {
		return nil, err
	}
	return light.ParseCheckpoint(w.change(0, light.MarshalCheckpoint(c)))
}

func (w wire) Handovers(ctx context.Context, from uint32) ([]light.Handover, error) {
	all, err := w.Source.Handovers(ctx, from)
	if err != nil {
		return nil, err
	}
	return light.ParseHandovers(w.change(1, light.MarshalHandovers(all)))
}

func (w wire) Prove(ctx context.Context, height uint64, key []byte) (*tree.Proof, error) {
	p, err := w.Source.Prove(ctx, height, key)
	if err != nil {
		return nil, err
	}
	data, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	q := new(tree.Proof)
	return q, q.UnmarshalBinary(w.change(2, data))
}

// FuzzSource: whatever a stranger makes of a message, a client believes what is true, or
// nothing.
func FuzzSource(f *testing.F) {
	s := epochs(f)
	honest := must[*ledger.Certified](f)(s.Last(ctx)).Checkpoint
	want, _, err := must[*tree.Proof](f)(s.Prove(ctx, honest.Height, ledger.SystemKey())).Verify(honest.Root, ledger.SystemKey())
	check(f, err)
	for kind := range byte(3) {
		f.Add(kind, uint16(40), uint16(1), []byte{1})
		f.Add(kind, uint16(0), uint16(0), []byte{})
		f.Add(kind, uint16(100), uint16(300), []byte("insert"))
	}
	genesis := must[*ledger.State](f)(ledger.Begin(s.Network.State.Genesis()))
	f.Fuzz(func(t *testing.T, kind byte, at, cut uint16, insert []byte) {
		c := must[*light.Client](t)(light.Begin(genesis, light.Options{}, wire{s, func(of byte, data []byte) []byte {
			if of != kind%3 {
				return data
			}
			at := min(int(at), len(data))
			end := min(at+int(cut), len(data))
			return append(append(bytes.Clone(data[:at]), insert...), data[end:]...)
		}}))
		last, err := c.Sync(ctx)
		if err == nil && last != honest && last.Height != 0 {
			t.Fatalf("%+v is believed, and true is %+v", last, honest)
		}
		for i, digest := range c.Trusted().Digests {
			if of := must[*ledger.Committee](t)(s.Archive.Committee(ctx, uint32(i+1))); of.Digest() != digest {
				t.Fatalf("epoch %d has another committee", i+1)
			}
		}
		if err != nil || last != honest {
			return
		}
		if value, ok, _, err := c.Get(ctx, ledger.SystemKey()); err == nil && (!ok || !bytes.Equal(value, want)) {
			t.Fatalf("the system is %x, %v; want %x", value, ok, want)
		}
	})
}

// FuzzTrusted: bytes in a store are what a client trusted, or malformed.
func FuzzTrusted(f *testing.F) {
	s := epochs(f)
	c := client(f, s, light.Options{}, s)
	must[ledger.Checkpoint](f)(c.Sync(ctx))
	trusted := c.Trusted()
	f.Add(light.MarshalTrusted(&trusted))
	genesis := must[*ledger.State](f)(ledger.Begin(s.Network.State.Genesis()))
	f.Fuzz(func(t *testing.T, data []byte) {
		store := new(light.Memory)
		check(t, store.Save(data))
		c, err := light.Begin(genesis, light.Options{Store: store})
		switch {
		case err != nil && !errors.Is(err, light.ErrStore):
			t.Fatalf("error %v, want ErrStore", err)
		case err == nil && len(data) > 0:
			trusted := c.Trusted()
			if !bytes.Equal(codec.Marshal(trusted), data) {
				t.Fatalf("% x was read as %+v", data, trusted)
			}
		}
	})
}
