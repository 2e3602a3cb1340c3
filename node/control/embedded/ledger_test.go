package embedded

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

var alice, bob = ledgertest.Key("alice"), ledgertest.Key("bob")

func genesis() ledger.Genesis { return ledgertest.Genesis("alice") }

// clock is a clock that tests set.
type clock struct{ millis atomic.Uint64 }

func newClock() *clock {
	c := new(clock)
	c.millis.Store(ledgertest.Start)
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(int64(c.millis.Load())) }

func open(t *testing.T, fs vfs.FS, c *clock) *Ledger {
	t.Helper()
	l, err := Open("ledger", genesis(), Options{FS: fs, Now: c.now, SnapshotEvery: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func transfer(t testing.TB, l *Ledger, nonce uint64) []byte {
	t.Helper()
	tx := ledger.Tx{Chain: l.State().ChainID(), Nonce: nonce, FeePerByte: 1000, Action: ledger.Transfer{To: ledgertest.Address(bob), Amount: 5}}
	data, err := tx.Sign(alice)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func submit(t *testing.T, l *Ledger, nonce uint64) chain.Receipt {
	t.Helper()
	r, err := l.Submit(context.Background(), transfer(t, l, nonce))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func balance(l *Ledger, key ed25519.PrivateKey) uint64 {
	if a := ledger.Get[ledger.Account](l.State(), ledger.AccountKey(ledgertest.Address(key))); a != nil {
		return a.Balance
	}
	return 0
}

func TestSubmit(t *testing.T) {
	l := open(t, vfs.NewMem(), newClock())
	if r := submit(t, l, 0); r.Err != nil || r.Height != 1 {
		t.Errorf("receipt %+v, want height 1", r)
	}
	if got := balance(l, bob); got != 5 {
		t.Errorf("bob has %d, want 5", got)
	}
	// What nobody pays for has no place in a block.
	if _, err := l.Submit(context.Background(), transfer(t, l, 0)); ledger.RuleOf(err) != ledger.RuleNonce || l.State().System().Height != 1 {
		t.Errorf("sent again: %v, want rule %q", err, ledger.RuleNonce)
	}
	if _, err := l.Submit(context.Background(), []byte("rubbish")); ledger.RuleOf(err) != ledger.RuleMalformed {
		t.Errorf("rubbish: %v, want rule %q", err, ledger.RuleMalformed)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := l.Submit(context.Background(), transfer(t, l, 1)); !errors.Is(err, chain.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

// TestReopen: a ledger goes on where it ended, also from snapshots.
func TestReopen(t *testing.T) {
	fs, c := vfs.NewMem(), newClock()
	for nonce := range uint64(20) {
		l := open(t, fs, c)
		if got := l.State().System().Height; got != nonce {
			t.Fatalf("opened at height %d, want %d", got, nonce)
		}
		submit(t, l, nonce)
		root := l.State().Root()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if again := open(t, fs, c); again.State().Root() != root {
			t.Fatalf("height %d: reopened at another root", nonce)
		} else if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, newClock())
	submit(t, l, 0)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	other := genesis()
	other.Name = "other"
	if _, err := Open("ledger", other, Options{FS: fs}); !errors.Is(err, ErrLog) {
		t.Errorf("another ledger's log: %v, want ErrLog", err)
	}
	if _, err := Open("new", ledger.Genesis{}, Options{FS: fs}); !errors.Is(err, ledger.ErrGenesis) {
		t.Errorf("no genesis: %v, want ErrGenesis", err)
	}
	log, err := openLog(fs, "ledger", genesis().ChainID())
	if err != nil {
		t.Fatal(err)
	}
	e, err := log.block(1)
	if err != nil {
		t.Fatal(err)
	}
	e.Root[0] ^= 1
	if err := errors.Join(log.append(1, e), log.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("ledger", genesis(), Options{FS: fs}); !errors.Is(err, ErrLog) {
		t.Errorf("a block with another root: %v, want ErrLog", err)
	}
}

// TestTime: epochs pass without any transaction, and a clock that is set back does not
// turn back the ledger's time.
func TestTime(t *testing.T) {
	c := newClock()
	l := open(t, vfs.NewMem(), c)
	c.millis.Add(1000)
	submit(t, l, 0) // wakes it
	if s := l.State().System(); s.Epoch != 2 {
		t.Errorf("epoch %d after an epoch's time, want 2", s.Epoch)
	}
	c.millis.Store(ledgertest.Start)
	if r := submit(t, l, 1); r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := l.State().System().Time; got != ledgertest.Start+1000 {
		t.Errorf("time %d after the clock was set back, want %d", got, ledgertest.Start+1000)
	}
}

func TestEvents(t *testing.T) {
	c := newClock()
	l := open(t, vfs.NewMem(), c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var followed []chain.Event
	var group sync.WaitGroup
	group.Go(func() {
		var from chain.Cursor
		for len(followed) < 5 {
			events, next, err := l.Events(ctx, from, 2)
			if err != nil || len(events) == 0 {
				t.Errorf("events %v, error %v", events, err)
				return
			}
			followed, from = append(followed, events...), next
		}
	})
	// Two epochs: each is selected, starts, and is done.
	for nonce := range uint64(6) {
		c.millis.Add(500)
		submit(t, l, nonce)
	}
	group.Wait()
	all, next, err := l.Events(ctx, chain.Cursor{}, 100)
	if err != nil || len(all) < 5 || !reflect.DeepEqual(all[:5], followed[:5]) {
		t.Fatalf("all events %v (%v), followed %v", all, err, followed)
	}
	if want := (ledger.EpochSelected{Epoch: 2}); all[0].Event != want || all[0].Tx != nil {
		t.Errorf("first event %+v, want %+v of no transaction", all[0], want)
	}
	cancel()
	if more, again, err := l.Events(ctx, next, 1); err != nil || len(more) > 0 || again.Height < next.Height {
		t.Errorf("behind the last: %v, %v, %v", more, again, err)
	}
}

// TestOptionsAreChecked opens ledgers with options that cannot be.
// Followers ask for events while the ledger is being closed.
func TestEventsWhileClosing(t *testing.T) {
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		l := open(t, vfs.NewMem(), newClock())
		if r := submit(t, l, 0); r.Err != nil {
			t.Fatal(r.Err)
		}
		begun, ended := make(chan struct{}), make(chan error)
		go func() {
			for i := 0; ; i++ {
				if i == 1 {
					close(begun)
				}
				if _, _, err := l.Events(impatient, chain.Cursor{}, 10); err != nil {
					ended <- err
					return
				}
			}
		}()
		<-begun
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, chain.ErrClosed) {
			t.Fatalf("events of a closed ledger: got %v, want %v", err, chain.ErrClosed)
		}
		if _, err := l.log.events(1); !errors.Is(err, chain.ErrClosed) {
			t.Fatalf("block of a closed log: got %v, want %v", err, chain.ErrClosed)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{"MaxWaiting": {MaxWaiting: -1}, "MaxBlock": {MaxBlock: -1}} {
		o.FS = vfs.NewMem()
		if _, err := Open("ledger", genesis(), o); err == nil || err.Error() != "embedded: Options."+name+" must be more than zero" {
			t.Errorf("%s below zero: %v", name, err)
		}
	}
}

// TestGroups: transactions that wait together share a block. The first one's block is
// held up until all others wait.
func TestGroups(t *testing.T) {
	c := newClock()
	var armed atomic.Bool
	reached, release := make(chan struct{}), make(chan struct{})
	const count = 200
	var senders []string
	for i := range count {
		senders = append(senders, fmt.Sprint("sender ", i))
	}
	l, err := Open("ledger", ledgertest.Genesis(senders...), Options{FS: vfs.NewMem(), Now: func() time.Time {
		if armed.CompareAndSwap(true, false) {
			close(reached)
			<-release
		}
		return c.now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before := l.State().System().Height
	var group sync.WaitGroup
	begin := func(nonce uint64) {
		group.Go(func() {
			// Each of another sender, so that their order does not matter.
			key := ledgertest.Key(fmt.Sprint("sender ", nonce))
			tx := ledger.Tx{Chain: l.State().ChainID(), FeePerByte: 1000, Action: ledger.Transfer{To: ledgertest.Address(bob), Amount: 5}}
			data, err := tx.Sign(key)
			if err != nil {
				t.Error(err)
				return
			}
			if r, err := l.Submit(context.Background(), data); err != nil || r.Err != nil {
				t.Errorf("receipt %+v, error %v", r, err)
			}
		})
	}
	armed.Store(true)
	begin(0)
	<-reached
	for nonce := uint64(1); nonce < count; nonce++ {
		begin(nonce)
	}
	waiting := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting)
	}
	for waiting() < count-1 && t.Context().Err() == nil {
		runtime.Gosched()
	}
	close(release)
	group.Wait()
	if got := l.State().System().Height - before; got > 2 {
		t.Errorf("%d blocks for a transaction and %d that waited meanwhile, want 2 at most", got, count-1)
	}
}

// TestPowerCut: what was acknowledged is there when nothing that was not synced is.
func TestPowerCut(t *testing.T) {
	for cut := range 12 {
		fs, c := vfs.NewCrashableMem(), newClock()
		l := open(t, fs, c)
		for nonce := range uint64(cut) {
			submit(t, l, nonce)
		}
		root := l.State().Root()
		after := fs.CrashClone(vfs.CrashCloneCfg{})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := open(t, after, c).State().Root(); got != root {
			t.Errorf("after %d transactions and a power cut: another root", cut)
		}
	}
}

// killedVariable names the directory in which this program runs a ledger to be killed.
const killedVariable = "REDSTUFF_LEDGER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedVariable); dir != "" {
		runUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// runUntilKilled transfers money, and prints the root after each acknowledgement.
func runUntilKilled(dir string) {
	l, err := Open(dir, genesis(), Options{SnapshotEvery: 5})
	for err == nil {
		nonce := uint64(0)
		if a := ledger.Get[ledger.Account](l.State(), ledger.AccountKey(ledgertest.Address(alice))); a != nil {
			nonce = a.Nonce
		}
		tx := ledger.Tx{Chain: l.State().ChainID(), Nonce: nonce, FeePerByte: 1000, Action: ledger.Transfer{To: ledgertest.Address(bob), Amount: 5}}
		var data []byte
		if data, err = tx.Sign(alice); err == nil {
			var r chain.Receipt
			if r, err = l.Submit(context.Background(), data); err == nil && r.Err == nil {
				fmt.Println(nonce + 1)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKill: no acknowledged transaction is lost when the process is killed.
func TestKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	dir := t.TempDir()
	acknowledged := uint64(0)
	for round := range rounds {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killedVariable+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; lines.Scan(); i++ {
			if _, err := fmt.Sscan(strings.TrimSpace(lines.Text()), &acknowledged); err != nil {
				t.Fatalf("line %q: %v", lines.Text(), err)
			}
			if i == 3+5*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		l, err := Open(dir, genesis(), Options{SnapshotEvery: 5})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		a := ledger.Get[ledger.Account](l.State(), ledger.AccountKey(ledgertest.Address(alice)))
		if a == nil || a.Nonce < acknowledged {
			t.Fatalf("round %d: %d transactions are there, and %d were acknowledged", round, a.Nonce, acknowledged)
		}
		if got, want := balance(l, bob), 5*a.Nonce; got != want {
			t.Fatalf("round %d: bob has %d, want %d", round, got, want)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d transactions acknowledged over %d kills", acknowledged, rounds)
}

// BenchmarkSubmit measures transactions of many senders at once, synced to the disk.
func BenchmarkSubmit(b *testing.B) {
	const parallelism = 64
	senders := make([]string, parallelism*runtime.GOMAXPROCS(0))
	for i := range senders {
		senders[i] = fmt.Sprint("sender ", i)
	}
	l, err := Open(b.TempDir(), ledgertest.Genesis(senders...), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var taken atomic.Int64
	b.SetParallelism(parallelism)
	b.RunParallel(func(p *testing.PB) {
		key := ledgertest.Key(senders[taken.Add(1)-1])
		tx := ledger.Tx{Chain: l.State().ChainID(), FeePerByte: 1000, Action: ledger.Transfer{To: ledgertest.Address(bob), Amount: 5}}
		for ; p.Next(); tx.Nonce++ {
			data, err := tx.Sign(key)
			if err == nil {
				_, err = l.Submit(b.Context(), data)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
