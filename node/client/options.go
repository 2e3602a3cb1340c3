package client

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Options are choices for [New]. The zero value is good.
//
// HedgeAfter is how long a read waits for a small sliver without any progress before it
// asks others as well; for each MiB of a longer one, as much again. It holds until the
// client knows how fast nodes answer, and bounds what follows from that: between a
// quarter of it and eight times as long.
//
// Registrar, where there is a ledger, registers each blob while it is being sent, and
// gives the ledger its certificate; without one, nodes get the certificate.
type Options struct {
	Registrar  Registrar
	Peer       peer.Options  // how to speak to nodes: TLS or not, timeouts
	Check      rs2d.Check    // of blobs that are read; the default is strict
	Timeout    time.Duration // for a call without a deadline of its own; default 1 min
	Grace      time.Duration // to go on sending to slow nodes after Store has returned; default 10 s
	HedgeAfter time.Duration // for a small sliver, at first; default 200 ms
	MaxMemory  int64         // bytes of blobs and slivers in flight; default 2 GiB
	Workers    int           // goroutines that code and hash for one blob; default all CPUs
	Logger     *slog.Logger  // default drops all
}

// Registrar tells a ledger of what is stored, see account.Registrar. It is safe for
// concurrent use.
type Registrar interface {
	// Register registers a blob: nodes take its slivers from then on. certify gives the
	// ledger its certificate. As soon as Register knows what nodes will be asked to attest,
	// it calls named, before the ledger knows the registration if it can; and again if that
	// changes.
	Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (certify Certify, err error)
}

// Certify gives a ledger the certificate of a blob.
type Certify = func(context.Context, *committee.Certificate) error

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (o *Options) fill() error {
	def(&o.Timeout, time.Minute)
	def(&o.Grace, 10*time.Second)
	def(&o.HedgeAfter, 200*time.Millisecond)
	def(&o.MaxMemory, 2<<30)
	def(&o.Logger, slog.New(slog.DiscardHandler))
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"Timeout", int64(o.Timeout)}, {"Grace", int64(o.Grace)}, {"HedgeAfter", int64(o.HedgeAfter)}, {"MaxMemory", o.MaxMemory},
	} {
		if field.value < 0 {
			return fmt.Errorf("client: Options.%s must be more than zero", field.name)
		}
	}
	if o.Check > rs2d.CheckNone {
		return fmt.Errorf("client: Options.Check is none of rs2d's")
	}
	if o.Workers < 0 {
		return fmt.Errorf("client: Options.Workers must not be negative")
	}
	o.Peer.HedgeAfter, o.Peer.Logger = o.HedgeAfter, o.Logger
	if err := o.Peer.Validate(); err != nil {
		return fmt.Errorf("client: Options.Peer: %w", err)
	}
	return nil
}

// def replaces a zero value.
func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
