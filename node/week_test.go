package node_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/store"
)

var week = flag.Bool("week", false, "TestWeek simulates seven days, which takes minutes, and not a few short ones")

// TestWeek has a cluster on a ledger live through seven days of simulated time, in which it is
// written to and read, epochs pass with their challenges, blobs are renewed, deleted, abandoned and
// expire, nodes are started again, emptied, cut off, and find what has rotted on their disks. What
// the process holds at the end of the last day is what it held at the end of the first.
func TestWeek(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of processor time")
	}
	days, day, steps := 2, time.Hour, 36
	if *week {
		days, day, steps = 7, 24*time.Hour, 144
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := newSimulation(t, day/4)
		var first, last holdings
		for d := range days {
			s.day(d, day, steps)
			time.Sleep(time.Until(began.Add(time.Duration(d+1)*day - 3*time.Minute))) // while no epoch begins
			s.checkAll()
			last = s.hold()
			t.Logf("day %d: %v; %v", d+1, last, s.done)
			if d == 0 {
				first = last
			}
		}
		last.compare(t, first)
		s.end()
	})
}

// holdings is what the process holds.
type holdings struct {
	goroutines, files, conns int
	heap                     uint64 // bytes that are reachable, but for those on disks
	slivers, names           int64  // bytes in files of slivers on the disks of nodes, and such files
	stray                    int64  // of those files, such as hold slivers of blobs that are not stored any more, or were abandoned
	database                 int64  // bytes of all else there
	ledger                   int64  // bytes on the ledger's disk, which keeps all blocks
}

func (h holdings) String() string {
	return fmt.Sprintf("%d goroutines, %d open files, %d ends of connections, %.1f MB of heap beside the disks, %d files with %.1f MB of slivers, %d of blobs that are not stored, %.1f MB in databases, %.1f MB of the ledger",
		h.goroutines, h.files, h.conns, float64(h.heap)/1e6, h.names, float64(h.slivers)/1e6, h.stray, float64(h.database)/1e6, float64(h.ledger)/1e6)
}

// compare fails if something has grown.
func (h holdings) compare(t *testing.T, before holdings) {
	t.Helper()
	for _, c := range []struct {
		what        string
		got, before int64
		percent     int64 // of growth that is chance
		more        int64
	}{
		{"goroutines", int64(h.goroutines), int64(before.goroutines), 0, 8},
		{"open files", int64(h.files), int64(before.files), 0, 16},
		{"ends of connections", int64(h.conns), int64(before.conns), 0, 8},
		{"bytes of heap", int64(h.heap), int64(before.heap), 15, 4 << 20},
		// How many there are of blobs that are stored is chance. Nodes keep what was abandoned for two epochs.
		{"files of slivers of other blobs", h.stray, before.stray, 0, 32},
		{"bytes in databases", h.database, before.database, 50, 4 << 20},
	} {
		if most := c.before + c.before*c.percent/100 + c.more; c.got > most {
			t.Errorf("%s: %d at the end, want no more than %d: %d after the first day", c.what, c.got, most, c.before)
		}
	}
}

// simulation is a cluster in memory, in a bubble of simulated time.
type simulation struct {
	t       *testing.T
	epoch   time.Duration
	net     *memNet
	files   *openFiles
	genesis ledger.Genesis
	disk    *vfs.MemFS // of the ledger
	ledger  *embedded.Ledger
	nodes   []*simulated
	client  *client.Client
	self    *account.Account
	lives   *lives
	stop    context.CancelFunc
	running sync.WaitGroup
	rng     *rand.Rand

	mu    sync.Mutex
	blobs []*simBlob // that are stored
	done  deeds
}

// deeds is what was done.
type deeds struct {
	writes, reads, renewed, deleted, abandoned, expired int
	restarts, wipes, cuts, rotten                       int
}

func (d deeds) String() string {
	return fmt.Sprintf("%d writes, %d reads, %d renewed, %d deleted, %d abandoned, %d expired; %d restarts, %d wipes, %d cuts, %d slivers rotten",
		d.writes, d.reads, d.renewed, d.deleted, d.abandoned, d.expired, d.restarts, d.wipes, d.cuts, d.rotten)
}

// simBlob is a blob that was stored.
type simBlob struct {
	id     commit.BlobID
	seed   uint64
	object ledger.ObjectID
	end    uint32
}

func (b *simBlob) data() []byte { return randomBlob(b.seed, 1000+int(b.seed*7919%60_000)) }

// simulated is a node of it.
type simulated struct {
	s       *simulation
	key     *identity.Key
	address string
	fs      *vfs.MemFS
	disk    *store.Disk
	node    *node.Node
	stop    func()
}

func newSimulation(t *testing.T, epoch time.Duration) *simulation {
	t.Helper()
	const nodes, shards = 4, 12
	s := &simulation{t: t, epoch: epoch, net: newMemNet(), files: new(openFiles), disk: vfs.NewMem(), rng: rand.New(rand.NewPCG(1, 2))}
	writer := identity.GenerateKey()
	s.genesis = ledger.Genesis{
		Name: "week", Shards: shards, Scheme: uint8(commit.BLAKE3), Start: uint64(time.Now().UnixMilli()), EpochMillis: uint64(epoch.Milliseconds()),
		SyncMillis: uint64(epoch.Milliseconds() / 4), MinStake: 1, MaxNodes: nodes, Challenges: ledger.ChallengeRules{Mode: ledger.ChallengesLight},
	}
	accounts := []genesis.Account{{Address: genesis.AddressOf(writer), Balance: 1 << 50}}
	var members []genesis.Node
	for i := range nodes {
		n := &simulated{s: s, key: identity.GenerateKey(), address: fmt.Sprintf("127.0.0.1:%d", 7100+i), fs: vfs.NewMem()}
		m := genesis.NewNode(fmt.Sprint("node-", i), n.address, n.key)
		m.Stake, m.Capacity, m.StoragePrice, m.WritePrice = 1000, 1<<40, 3, 2
		members, s.nodes = append(members, m), append(s.nodes, n)
		accounts = append(accounts, genesis.Account{Address: m.Owner, Balance: 1 << 40})
	}
	genesis.Set(&s.genesis, members, accounts)
	var err error
	if s.ledger, err = embedded.Open("ledger", s.genesis, embedded.Options{FS: s.files.of(s.disk)}); err != nil {
		t.Fatal(err)
	}
	for _, n := range s.nodes {
		n.start()
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	l := chain.Local(s.ledger)
	views, err := follow.OpenViews(ctx, l, &s.genesis)
	if err != nil {
		t.Fatal(err)
	}
	s.running.Go(func() { views.Run(ctx) })
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	s.self, s.lives = account.New(l, writer.Account()), new(lives)
	for epochs := range uint32(4) {
		s.lives.of = append(s.lives.of, &account.Registrar{
			Account: s.self, Epochs: epochs + 1, Hasher: hasher, Refresh: views.Refresh,
			Step: func(step account.Step) { s.lives.last = step.Registration },
		})
	}
	o := client.Options{Registrar: s.lives, Timeout: 2 * epoch, Workers: 1, Logger: logger()}
	o.Peer.Dial = s.net.dial("127.0.0.9:1")
	if s.client, err = client.New(views, writer, o); err != nil {
		t.Fatal(err)
	}
	return s
}

// lives registers blobs for as long as is to be, one after the other.
type lives struct {
	of      []*account.Registrar
	epochs  int
	abandon bool // there is to be no certificate
	last    chain.Registration
}

var errAbandoned = errors.New("the writer has gone")

func (l *lives) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	certify, err := l.of[l.epochs-1].Register(ctx, id, meta, named)
	if l.abandon {
		return func(context.Context, *committee.Certificate) error { return errAbandoned }, err
	}
	return certify, err
}

// start runs the node on what is on its disk.
func (n *simulated) start() {
	t := n.s.t
	t.Helper()
	var err error
	if n.disk, err = store.Open("store", store.Options{FS: n.s.files.of(n.fs), Owner: store.Owner{Shards: int(n.s.genesis.Shards)}, Ballast: -1, Logger: logger()}); err != nil {
		t.Fatal(err)
	}
	f, err := follow.Open(t.Context(), follow.Config{Ledger: chain.Local(n.s.ledger), Genesis: n.s.genesis, Store: n.disk, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	config := node.Config{
		Follower: f, Store: n.disk, PendingAge: 2 * n.s.epoch, Logger: logger(),
		Workers: 1, // several wait for each other by the clock, which stands still
	}
	config.Peers.Dial = n.s.net.dial(n.address)
	if n.node, err = node.New(identity.NewKeyring(n.key), config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	listener := n.s.net.listen(n.address)
	running.Go(func() {
		if err := n.node.Run(ctx, listener, nil, 10*time.Second); err != nil {
			t.Errorf("%s: %v", n.address, err)
		}
	})
	n.stop = func() {
		cancel()
		running.Wait()
		if err := n.disk.Close(); err != nil {
			t.Errorf("%s: closing the store: %v", n.address, err)
		}
	}
}

func (s *simulation) end() {
	s.client.Close()
	s.stop()
	s.running.Wait()
	for _, n := range s.nodes {
		n.stop()
	}
	if err := s.ledger.Close(); err != nil {
		s.t.Error(err)
	}
}

// day is what happens in one day, until shortly before its end.
func (s *simulation) day(d int, day time.Duration, steps int) {
	var reads sync.WaitGroup
	victim := s.nodes[d%len(s.nodes)]
	at := func(hour int) int { return hour * steps / 24 }
	for i := range at(22) {
		time.Sleep(day / time.Duration(steps))
		s.forget()
		if i%2 == 0 {
			s.write(1+i/2%4, i%12 == 4)
		}
		reads.Go(s.read)
		switch i {
		case at(3):
			victim.stop()
			s.done.restarts++
		case at(4):
			victim.start()
		case at(7): // soon after an epoch has begun: the challenge finds it healed
			victim.stop()
			victim.fs = vfs.NewMem()
			victim.start()
			s.done.wipes++
		case at(13):
			s.net.cut(victim.address, true)
			s.done.cuts++
		case at(14):
			s.net.cut(victim.address, false)
		case at(20):
			s.rot(s.nodes[(d+1)%len(s.nodes)])
		}
		if i%6 == 3 {
			s.net.cut(s.nodes[s.rng.IntN(len(s.nodes))].address, false)
			s.done.cuts++
		}
		if i%11 == 5 {
			s.change(true)
		}
		if i%11 == 8 {
			s.change(false)
		}
	}
	reads.Wait()
}

func (s *simulation) now() uint32 { return s.ledger.State().System().Epoch }

// write stores a blob for some epochs. If it is abandoned there is no certificate.
func (s *simulation) write(epochs int, abandoned bool) {
	s.t.Helper()
	s.done.writes++
	b := &simBlob{seed: uint64(s.done.writes)}
	s.lives.epochs, s.lives.abandon = epochs, abandoned
	got, err := s.client.Store(s.t.Context(), b.data())
	switch {
	case abandoned && errors.Is(err, errAbandoned):
		s.done.abandoned++
	case err != nil || abandoned:
		s.t.Errorf("write %d: %v", s.done.writes, err)
	default:
		b.id, b.object, b.end = got.ID, s.lives.last.Object, s.lives.last.Storage.End
		s.mu.Lock()
		defer s.mu.Unlock()
		s.blobs = append(s.blobs, b)
	}
}

// pick returns a blob that lives for some epochs more, or nil.
func (s *simulation) pick(epochs uint32) *simBlob {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 20 {
		if len(s.blobs) == 0 {
			return nil
		}
		if b := s.blobs[s.rng.IntN(len(s.blobs))]; b.end >= s.now()+epochs {
			return b
		}
	}
	return nil
}

// read reads a blob. While it is drawn by a challenge this waits for the challenge's end.
func (s *simulation) read() {
	b := s.pick(3)
	if b == nil {
		return
	}
	got, err := s.client.Read(s.t.Context(), b.id)
	if err == nil && !bytes.Equal(got, b.data()) {
		err = errors.New("other bytes")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done.reads++; err != nil && s.has(b) {
		s.t.Errorf("read of blob %d in epoch %d, stored until %d: %v", b.seed, s.now(), b.end, err)
	}
}

func (s *simulation) has(b *simBlob) bool {
	for _, other := range s.blobs {
		if other == b {
			return true
		}
	}
	return false
}

// forget forgets blobs that have expired.
func (s *simulation) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.blobs[:0]
	for _, b := range s.blobs {
		if b.end > s.now() {
			left = append(left, b)
		}
	}
	s.done.expired += len(s.blobs) - len(left)
	clear(s.blobs[len(left):])
	s.blobs = left
}

// change renews a blob, or deletes one.
func (s *simulation) change(renew bool) {
	s.t.Helper()
	b := s.pick(2)
	if b == nil {
		return
	}
	var action ledger.Action = ledger.DeleteBlob{Blob: b.object}
	if renew {
		action = ledger.ExtendBlob{Blob: b.object, Epochs: 2}
	}
	if _, err := s.self.Do(s.t.Context(), action); err != nil {
		s.t.Errorf("blob %d: %v", b.seed, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if renew {
		s.done.renewed++
		b.end += 2
		return
	}
	s.done.deleted++
	for i := range s.blobs {
		if s.blobs[i] == b {
			s.blobs = append(s.blobs[:i:i], s.blobs[i+1:]...)
			return
		}
	}
}

// rot flips a bit of a sliver's file on a node's disk, if it has one.
func (s *simulation) rot(n *simulated) {
	s.t.Helper()
	var found string
	walk(s.t, n.fs, "store", func(name string, size int64) {
		if strings.Contains(name, "slivers") && size > 200 {
			found = name
		}
	})
	if found != "" {
		flip(s.t, n.fs, found)
		s.done.rotten++
	}
}

// checkAll has all nodes be well, and have all of each blob that is stored.
func (s *simulation) checkAll() {
	s.t.Helper()
	s.forget()
	for i, n := range s.nodes {
		if got := n.node.State(); got != "healthy" {
			s.t.Errorf("node %d is %s: %v", i, got, n.node.Problems())
		}
	}
	for _, b := range s.blobs {
		for _, p := range s.client.Peers() {
			if got, err := p.Status(s.t.Context(), b.id); err != nil || !got.Complete {
				s.t.Errorf("blob %d, stored until epoch %d, in epoch %d: %s has not all of it: %+v, %v", b.seed, b.end, s.now(), p.Name(), got, err)
			}
		}
	}
}

// hold returns what the process holds, when nothing has been done for a while.
func (s *simulation) hold() holdings {
	time.Sleep(100 * time.Second) // connections that nobody uses are closed
	synctest.Wait()
	h := holdings{files: int(s.files.open.Load()), conns: s.net.open()}
	stored := make(map[string]bool)
	for _, b := range s.blobs {
		stored[b.id.String()] = true
	}
	for _, n := range s.nodes {
		walk(s.t, n.fs, "store", func(name string, size int64) {
			if strings.Contains(name, "slivers") {
				h.slivers, h.names = h.slivers+size, h.names+1
				if id := path.Base(name); !stored[id[:min(len(id), 43)]] { // an id has so many digits
					h.stray++
				}
			} else {
				h.database += size
			}
		})
	}
	walk(s.t, s.disk, "ledger", func(_ string, size int64) { h.ledger += size })
	runtime.GC()
	runtime.GC() // what pools held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.goroutines = runtime.NumGoroutine()
	h.heap = uint64(max(0, int64(m.HeapAlloc)-h.slivers-h.database-h.ledger))
	return h
}

// walk tells of all files under a directory.
func walk(t *testing.T, fs vfs.FS, dir string, f func(name string, size int64)) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			continue // it was removed meanwhile
		}
		if info.IsDir() {
			walk(t, fs, path, f)
		} else {
			f(path, info.Size())
		}
	}
}
