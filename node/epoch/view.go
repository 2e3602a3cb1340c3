// Package epoch holds what a node or client sees of the epochs at one moment.
//
// Committees change while requests are served. A [View] is a snapshot: an operation (a
// request, a read, a write, a round of healing) takes one when it begins and is
// answered by it to its end, so that it never sees half of a change. Nodes are known by
// their ids from one epoch to the next: their keys and addresses may change, and their
// numbers mean something within one committee only.
package epoch

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/redstuff-go/redstuff/node/committee"
)

// State is how far the current epoch has come.
type State uint8

const (
	// Steady is an epoch in which the owners of a quorum of shards have all that is
	// certified of theirs.
	Steady State = iota
	// Syncing is an epoch in which they have not yet: what was certified before is read
	// from the committees before.
	Syncing
)

// String returns the state in one word.
func (s State) String() string {
	switch s {
	case Steady:
		return "steady"
	case Syncing:
		return "syncing"
	}
	return "unknown"
}

// Digest is a hash of all that a view shows. Where two nodes of one network have
// different ones, they do not see the same committees, members or writers.
type Digest [sha256.Size]byte

// String returns URL-safe base64 without padding.
func (d Digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// View is a snapshot of the epochs. Nobody changes one that others may have.
type View struct {
	// Earlier are the committees before the previous one, from the last one on that has
	// its shards, the oldest first. There are some only if a change came before the one
	// before it was settled.
	Earlier  []*committee.Committee
	Previous *committee.Committee // nil in the first epoch that is known
	Current  *committee.Committee
	Next     *committee.Committee // nil until it is chosen
	State    State

	// Past, which may be nil, finds the committees of epochs before those of the view.
	Past committee.Committees

	// Challenged says that members prove what they store: they give rows of a blob to nobody,
	// and columns only while the blob is not challenged.
	Challenged bool

	Writers map[committee.TLSKey]string // names of the clients that may write
	Digest  Digest
}

// At returns the committee of the epoch, if it is one of the view's, or one that Past finds.
// The error is a *committee.EpochError, or Past's.
func (v *View) At(epoch uint64) (*committee.Committee, error) {
	unknown := &committee.EpochError{Epoch: epoch, First: v.Current.Epoch(), Last: v.Current.Epoch()}
	for _, c := range v.Committees() {
		if c.Epoch() == epoch {
			return c, nil
		}
		unknown.First, unknown.Last = min(unknown.First, c.Epoch()), max(unknown.Last, c.Epoch())
	}
	if v.Past != nil && epoch < unknown.First {
		return v.Past.At(epoch)
	}
	return nil, unknown
}

// Committees returns those that there are, the current one first.
func (v *View) Committees() []*committee.Committee {
	all := []*committee.Committee{v.Current}
	for _, c := range []*committee.Committee{v.Next, v.Previous} {
		if c != nil {
			all = append(all, c)
		}
	}
	return append(all, v.Earlier...)
}

// Holders returns the committees that may have what is certified, the oldest first: the
// current one alone if it has its shards.
func (v *View) Holders() []*committee.Committee {
	if v.State == Steady || v.Previous == nil {
		return []*committee.Committee{v.Current}
	}
	return append(slices.Clip(v.Earlier), v.Previous, v.Current)
}

// Writes returns the committee that takes new blobs: the current one, from the
// beginning of its epoch.
func (v *View) Writes() *committee.Committee { return v.Current }

// Reads returns the committee that has the blobs which were certified in the epoch, those
// of a quorum of its shards: that of the epoch itself, or the last one before it that has
// its shards, until the current committee has its own.
func (v *View) Reads(certified uint64) *committee.Committee {
	holders := v.Holders()
	at := holders[0]
	for _, c := range holders[1:] {
		if c.Epoch() <= certified {
			at = c
		}
	}
	return at
}
