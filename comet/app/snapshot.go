package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Bounds of snapshots. What peers send is no longer than a message of CometBFT's, and is
// on the disk until its root shows that it is the ledger's state.
const (
	snapshotFormat = 1
	chunkSize      = 4 << 20 // bytes, after which a chunk ends
	maxChunk       = 5 << 20 // bytes

	// MaxChunks bounds the chunks of a snapshot.
	MaxChunks = 1024
)

// manifest tells what a snapshot has. It is the metadata that peers show each other, and
// its hash is the snapshot's. Nobody signs it: what counts is the root at the end.
type manifest struct {
	Height uint64              // CometBFT's
	Chunks [][sha256.Size]byte // hashes
}

// pair is a key of the state and its value. A chunk is pairs in the order of keys.
type pair struct{ Key, Value []byte }

// snapshots makes snapshots of the state, and begins from those of others.
type snapshots struct {
	*core
	making sync.WaitGroup

	mu        sync.Mutex
	busy      bool
	known     []manifest // by height
	expected  *expected
	restoring *restoring
}

// expected is who votes after a height, as a light client has verified it.
type expected struct {
	height     uint64
	validators []Validator
}

// restoring is a snapshot of somebody else's.
type restoring struct {
	manifest
	root    [sha256.Size]byte
	next    int // chunk
	stream  tree.Stream
	stage   func([]pair) error
	senders []string // of chunks
}

const manifestFile = "manifest"

// openSnapshots finds the snapshots that there are, and drops what is no whole one.
func openSnapshots(c *core) (*snapshots, error) {
	s := &snapshots{core: c}
	if err := s.store.unstage(); err != nil {
		return nil, err
	}
	dir := c.options.Snapshots
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("comet: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("comet: %w", err)
	}
	for _, e := range entries {
		var m manifest
		data, err := os.ReadFile(filepath.Join(dir, e.Name(), manifestFile))
		if err == nil {
			err = codec.Unmarshal(data, &m)
		}
		if err == nil && s.dir(m.Height) == filepath.Join(dir, e.Name()) && m.Height <= c.Height() {
			s.known = append(s.known, m)
		} else if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("comet: %w", err)
		}
	}
	slices.SortFunc(s.known, func(a, b manifest) int { return int(a.Height) - int(b.Height) })
	return s, nil
}

func (s *snapshots) dir(height uint64) string {
	return filepath.Join(s.options.Snapshots, strconv.FormatUint(height, 10))
}

// take makes a snapshot if it is time for one and none is being made. The state does
// not change, so the next blocks do not wait for it.
func (s *snapshots) take(m *moment) {
	if s.options.Snapshots == "" || m.Height%s.options.SnapshotEvery != 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return
	}
	s.busy = true
	s.making.Go(func() {
		made, err := s.write(m)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy = false
		if err != nil {
			s.options.Logger.Error("no snapshot was made", "height", m.Height, "error", err)
			return
		}
		s.known = append(s.known, *made)
		for len(s.known) > s.options.KeepSnapshots {
			if err := os.RemoveAll(s.dir(s.known[0].Height)); err != nil {
				s.options.Logger.Error("an old snapshot was not removed", "error", err)
			}
			s.known = s.known[1:]
		}
	})
}

// wait returns when no snapshot is being made.
func (s *snapshots) wait() { s.making.Wait() }

// write writes a snapshot's files, the manifest last.
func (s *snapshots) write(m *moment) (*manifest, error) {
	dir := s.dir(m.Height)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	made := &manifest{Height: m.Height}
	var pairs []pair
	size := 0
	flush := func() error {
		data := codec.Marshal(struct{ Pairs []pair }{pairs})
		name := filepath.Join(dir, strconv.Itoa(len(made.Chunks)))
		made.Chunks = append(made.Chunks, sha256.Sum256(data))
		pairs, size = nil, 0
		if len(made.Chunks) > MaxChunks || len(data) > maxChunk {
			return fmt.Errorf("comet: the state does not fit into %d chunks of %d bytes", MaxChunks, chunkSize)
		}
		return os.WriteFile(name, data, 0o644)
	}
	for key, value := range m.state.Snapshot() {
		pairs = append(pairs, pair{key, value})
		if size += len(key) + len(value); size >= chunkSize {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return made, os.WriteFile(filepath.Join(dir, manifestFile), codec.Marshal(made), 0o644)
}

// oldest returns the height of the oldest snapshot, or that which is given.
func (s *snapshots) oldest(otherwise uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) == 0 {
		return otherwise
	}
	return s.known[0].Height
}

// ListSnapshots tells which snapshots there are.
func (s *snapshots) ListSnapshots(context.Context, *abci.RequestListSnapshots) (*abci.ResponseListSnapshots, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := new(abci.ResponseListSnapshots)
	for _, m := range s.known {
		data := codec.Marshal(m)
		hash := sha256.Sum256(data)
		resp.Snapshots = append(resp.Snapshots, &abci.Snapshot{
			Height: m.Height, Format: snapshotFormat, Chunks: uint32(len(m.Chunks)), Hash: hash[:], Metadata: data,
		})
	}
	return resp, nil
}

// LoadSnapshotChunk returns a chunk, or none if it is not there or not what it was.
func (s *snapshots) LoadSnapshotChunk(_ context.Context, req *abci.RequestLoadSnapshotChunk) (*abci.ResponseLoadSnapshotChunk, error) {
	s.mu.Lock()
	at := slices.IndexFunc(s.known, func(m manifest) bool { return m.Height == req.Height })
	if at < 0 || req.Format != snapshotFormat || int(req.Chunk) >= len(s.known[at].Chunks) {
		s.mu.Unlock()
		return new(abci.ResponseLoadSnapshotChunk), nil
	}
	want := s.known[at].Chunks[req.Chunk]
	s.mu.Unlock()
	data, err := os.ReadFile(filepath.Join(s.dir(req.Height), strconv.Itoa(int(req.Chunk))))
	if err != nil || sha256.Sum256(data) != want {
		s.options.Logger.Error("a chunk of a snapshot is not as it was written", "height", req.Height, "chunk", req.Chunk, "error", err)
		return new(abci.ResponseLoadSnapshotChunk), nil
	}
	return &abci.ResponseLoadSnapshotChunk{Chunk: data}, nil
}

// Expect tells who votes from the block after the next one on, as a light client has
// verified it. Without it, no snapshot of that height is taken: the root says nothing
// of validators.
func (s *snapshots) Expect(height uint64, validators *types.ValidatorSet) error {
	all, err := fromSet(validators)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = &expected{height, all}
	return nil
}

// OfferSnapshot begins to restore a snapshot whose root a light client has verified.
func (s *snapshots) OfferSnapshot(_ context.Context, req *abci.RequestOfferSnapshot) (*abci.ResponseOfferSnapshot, error) {
	answer := func(r abci.ResponseOfferSnapshot_Result) (*abci.ResponseOfferSnapshot, error) {
		return &abci.ResponseOfferSnapshot{Result: r}, nil
	}
	offered := req.Snapshot
	if offered == nil || len(req.AppHash) != sha256.Size {
		return answer(abci.ResponseOfferSnapshot_REJECT)
	}
	if offered.Format != snapshotFormat {
		return answer(abci.ResponseOfferSnapshot_REJECT_FORMAT)
	}
	var m manifest
	hash := sha256.Sum256(offered.Metadata)
	if err := codec.Unmarshal(offered.Metadata, &m); err != nil || !bytes.Equal(hash[:], offered.Hash) || m.Height != offered.Height ||
		len(m.Chunks) != int(offered.Chunks) || len(m.Chunks) == 0 || len(m.Chunks) > MaxChunks {
		return answer(abci.ResponseOfferSnapshot_REJECT_SENDER)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.store.unstage(); err != nil { // what came of another one
		return nil, err
	}
	s.restoring = &restoring{manifest: m, root: [sha256.Size]byte(req.AppHash), stage: s.store.stage}
	return answer(abci.ResponseOfferSnapshot_ACCEPT)
}

// ApplySnapshotChunk takes a chunk if it is the one that the manifest names, and after
// the last one the state if it has the root that was verified. If it has another one, all
// who sent a chunk have lied: they sent what their manifest names.
func (s *snapshots) ApplySnapshotChunk(_ context.Context, req *abci.RequestApplySnapshotChunk) (*abci.ResponseApplySnapshotChunk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.restoring
	if r == nil || int(req.Index) != r.next {
		return &abci.ResponseApplySnapshotChunk{Result: abci.ResponseApplySnapshotChunk_ABORT}, nil
	}
	if sha256.Sum256(req.Chunk) != r.Chunks[r.next] {
		return &abci.ResponseApplySnapshotChunk{
			Result: abci.ResponseApplySnapshotChunk_RETRY, RefetchChunks: []uint32{req.Index}, RejectSenders: []string{req.Sender},
		}, nil
	}
	if !slices.Contains(r.senders, req.Sender) {
		r.senders = append(r.senders, req.Sender)
	}
	reject := func(why string, err error) (*abci.ResponseApplySnapshotChunk, error) {
		s.restoring = nil
		s.options.Logger.Warn("a snapshot is "+why, "height", r.Height, "senders", r.senders, "error", err)
		return &abci.ResponseApplySnapshotChunk{Result: abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT, RejectSenders: r.senders}, s.store.unstage()
	}
	switch err := r.add(req.Chunk); {
	case errors.Is(err, errMalformed):
		return reject("malformed", err)
	case err != nil:
		return nil, err
	}
	if r.next < len(r.Chunks) {
		return &abci.ResponseApplySnapshotChunk{Result: abci.ResponseApplySnapshotChunk_ACCEPT}, nil
	}
	if root := r.stream.Root(); root != r.root {
		return reject("not of the root that was verified", fmt.Errorf("%w: %x, want %x", ErrState, root, r.root))
	}
	if s.expected == nil || s.expected.height != r.Height {
		return reject("of a height whose validators nobody has verified", nil)
	}
	state, err := s.store.restore(s.options.Genesis, kindStaged)
	if err != nil {
		return nil, err
	}
	m := &moment{position{r.Height, r.root, s.expected.validators, state.System().Height + 1}, state}
	if err := s.store.replace(m); err != nil {
		return nil, err
	}
	s.publish(m, nil)
	s.restoring = nil
	return &abci.ResponseApplySnapshotChunk{Result: abci.ResponseApplySnapshotChunk_ACCEPT}, nil
}

// errMalformed is returned for what no honest node sends.
var errMalformed = errors.New("comet: no chunk of a snapshot")

// add stages the next chunk. The error wraps errMalformed, or is the disk's.
func (r *restoring) add(data []byte) error {
	if len(data) > maxChunk {
		return fmt.Errorf("%w: it has %d bytes", errMalformed, len(data))
	}
	var chunk struct{ Pairs []pair }
	if err := codec.Unmarshal(data, &chunk); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	for _, p := range chunk.Pairs {
		if len(p.Key) > tree.MaxKey {
			return fmt.Errorf("%w: a key of %d bytes", errMalformed, len(p.Key))
		}
		if err := r.stream.Add(p.Key, p.Value); err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
	}
	r.next++
	return r.stage(chunk.Pairs)
}
