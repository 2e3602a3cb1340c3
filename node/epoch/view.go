// Package epoch holds what a node or client sees of the epochs at one moment.
//
// Committees change while requests are served. A [View] is a snapshot: an operation (a
// request, a read, a write, a round of healing) takes one when it begins and is
// answered by it to its end, so that it never sees half of a change. Members are known
// by their public keys from one epoch to the next; their numbers mean something within
// one committee only.
package epoch

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/redstuff-go/redstuff/node/committee"
)

// State is how far the current epoch has come.
type State uint8

const (
	// Steady is an epoch whose committee has its shards.
	Steady State = iota
	// Syncing is an epoch whose committee does not have all of its shards yet: what was
	// certified before is read from the previous one.
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
	Previous *committee.Committee // nil in the first epoch that is known
	Current  *committee.Committee
	Next     *committee.Committee // nil until it is chosen
	State    State

	Writers map[committee.TLSKey]string // names of the clients that may write
	Digest  Digest
}

// At returns the committee of the epoch, if it is one of the view's. The error is a
// *committee.EpochError.
func (v *View) At(epoch uint64) (*committee.Committee, error) {
	unknown := &committee.EpochError{Epoch: epoch, First: v.Current.Epoch(), Last: v.Current.Epoch()}
	for _, c := range v.committees() {
		if c.Epoch() == epoch {
			return c, nil
		}
		unknown.First, unknown.Last = min(unknown.First, c.Epoch()), max(unknown.Last, c.Epoch())
	}
	return nil, unknown
}

// committees returns those that there are, the current one first.
func (v *View) committees() []*committee.Committee {
	all := []*committee.Committee{v.Current}
	for _, c := range []*committee.Committee{v.Next, v.Previous} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// Writes returns the committee that takes new blobs: the current one, from the
// beginning of its epoch.
func (v *View) Writes() *committee.Committee { return v.Current }

// Reads returns the committee that has the blobs which were certified in the epoch: the
// previous one for those from before the current epoch, until the current committee has
// its shards.
func (v *View) Reads(certified uint64) *committee.Committee {
	if v.State == Syncing && v.Previous != nil && certified < v.Current.Epoch() {
		return v.Previous
	}
	return v.Current
}
