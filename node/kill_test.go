package node_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
)

// childDir names, in the environment, the directory of the node that this process is
// to be.
const childDir = "REDSTUFF_TEST_NODE"

// childFiles says, in the environment, how many files that process may open, if it is
// set.
const childFiles = "REDSTUFF_TEST_FILES"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		run := child
		if role := os.Getenv(childRole); role != "" {
			run = func(dir string) error { return moving(dir, role) }
		}
		if err := run(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Tests that say so run side by side mostly wait, more of them than there are processors.
	// What -parallel asks for is set later, and counts.
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child runs a node until the process is killed, or its parent closes its input.
func child(dir string) error {
	if err := limitFiles(os.Getenv(childFiles)); err != nil {
		return err
	}
	control, err := fixed.Load(filepath.Join(dir, "..", "committee.toml"))
	if err != nil {
		return err
	}
	c := control.View().Current
	key, err := identity.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	disk, err := store.Open(filepath.Join(dir, "store"), store.Options{InlineMax: 1 << 10})
	if err != nil {
		return err
	}
	config := node.Config{Control: control, Store: disk, HealInterval: -1, ScrubRate: -1}
	if os.Getenv(childFiles) != "" { // it heals and scrubs as nodes do
		config.HealInterval, config.ScrubRate, config.ScrubPause = 2*time.Second, 0, time.Second
	}
	n, err := node.New(identity.NewKeyring(key), config)
	if err != nil {
		return err
	}
	i, _ := c.Find(key.Public())
	listener, err := net.Listen("tcp", c.Member(i).Address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	fmt.Println("ready")
	if err := n.Run(ctx, listener, nil, time.Second); err != nil {
		return err
	}
	return disk.Close()
}

// process is a node in a process of its own.
type process struct {
	dir   string
	env   []string // beside the test's own
	cmd   *exec.Cmd
	input *os.File
}

func (p *process) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	p.cmd, p.input = exec.Command(os.Args[0]), w
	p.cmd.Env = append(append(os.Environ(), childDir+"="+p.dir, "GOMAXPROCS=1"), p.env...)
	p.cmd.Stdin, p.cmd.Stderr = r, os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return fmt.Errorf("node does not start: %q, %w", line, err)
	}
	return nil
}

// kill ends the process as a crash does.
func (p *process) kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		_ = p.input.Close()
	}
}

// newProcesses starts nodes that own shards evenly, each in a process of its own with
// more in its environment, until the test ends.
func newProcesses(t *testing.T, nodes, shards int, writer *identity.Key, env []string) (*fixed.Control, []*process) {
	t.Helper()
	dir := t.TempDir()
	var members []committee.Member
	var processes []*process
	for i, s := range committee.Spread(shards, nodes) {
		key := identity.GenerateKey()
		listener := listen(t)
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), listener.Addr().String(), key, s))
		listener.Close()
		p := &process{dir: filepath.Join(dir, fmt.Sprint(i)), env: env}
		text := key.Reveal()
		if err := os.Mkdir(p.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, "key"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3, Metadata: *form}, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	control, err := fixed.New(c, fixed.Client{Name: "w", TLSKey: writer.TLSPublic()})
	if err != nil {
		t.Fatal(err)
	}
	text, err := control.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "committee.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
	}
	return control, processes
}

// TestKills kills nodes while blobs are written, again and again, never more than f
// shards at once. Whatever a node has attested must be there afterwards, and nothing
// may be there in part.
func TestKills(t *testing.T) {
	t.Parallel()
	const nodes, shards, killers = 7, 21, 2 // f = 6: two nodes of three shards
	kills := 200
	if testing.Short() {
		kills = 20
	}
	writer := identity.GenerateKey()
	control, processes := newProcesses(t, nodes, shards, writer, nil)

	options := client.Options{Peer: fast(), Timeout: 10 * time.Second, Grace: 300 * time.Millisecond}
	cl, err := client.New(control, writer, options)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	var killed atomic.Int64
	var killing sync.WaitGroup
	for k := range killers {
		killing.Go(func() {
			for i := k; killed.Load() < int64(kills) && ctx.Err() == nil; i += killers {
				p := processes[(i/killers*killers+k)%(nodes-1)]
				p.kill()
				killed.Add(1)
				if err := p.start(); err != nil {
					t.Error(err)
					return
				}
				// Now and then a node lives for a moment.
				timer := time.NewTimer(rand.N(20 * time.Millisecond))
				<-timer.C
			}
		})
	}
	done := make(chan struct{})
	go func() {
		killing.Wait()
		close(done)
	}()

	type stored struct {
		seed    uint64
		size    int
		receipt *client.Receipt
	}
	var mu sync.Mutex
	var acknowledged []stored
	var tried atomic.Int64
	var writing sync.WaitGroup
	for range 3 {
		writing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				seed := uint64(tried.Add(1))
				size := rand.IntN(60_000)
				r, err := cl.Store(ctx, randomBlob(seed, size))
				if err != nil {
					continue // nothing was promised
				}
				mu.Lock()
				acknowledged = append(acknowledged, stored{seed, size, r})
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	t.Logf("%d kills, %d blobs acknowledged of %d", killed.Load(), len(acknowledged), tried.Load())
	if len(acknowledged) == 0 {
		t.Fatal("nothing was written")
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	reader, err := client.New(control, writer, options)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, s := range acknowledged {
		for i, p := range reader.Peers() { // none of them is left out for being slow
			status, err := p.Status(t.Context(), s.receipt.ID)
			have := len(status.Primary) + len(status.Secondary)
			switch {
			case err != nil:
				t.Fatal(err)
			case s.receipt.Certificate.Signed(i) && !status.Complete:
				t.Fatalf("node %d has attested a blob that it has not: %+v", i, status)
			case have != 0 && !status.Complete:
				t.Fatalf("node %d has a blob in part: %+v", i, status)
			}
		}
		expectRead(t, reader, s.receipt.ID, randomBlob(s.seed, s.size))
	}
}
