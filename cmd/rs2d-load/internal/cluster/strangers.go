package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
)

// strangersSource is where strangers come from: an address of their own, if the system
// has more than one on loopback.
var strangersSource = netip.AddrFrom4([4]byte{127, 0, 0, 9})

// strangersPause is how long a stranger who was cut off takes to come again. All is on
// one machine: who comes again at once takes the processors that the load and the nodes
// need, and no node could help that.
const strangersPause = 5 * time.Second

// strangersGrace is how long strangers may take to end, of whom there may be thousands.
const strangersGrace = 20 * time.Second

// StrangersConfig is what the process of strangers is told when it starts.
type StrangersConfig struct {
	Committee string // file
	Key       string // file; of those who are clients
	Plaintext bool
	Profile   string // file, or none; for the program
}

// strangersOrder lets so many more come.
type strangersOrder struct {
	Kind  flood.Kind `json:"kind"`
	Count int        `json:"count"`
}

// RunStrangers runs the process that strangers come from. It obeys until there are no
// more orders; then it tells what became of the connections.
//
// What strangers compute would be computed elsewhere in earnest, and never by the process
// of the clients whose rate is measured: so they have one processor, among all others who
// want it.
func RunStrangers(c StrangersConfig, orders io.Reader, counts io.Writer) error {
	runtime.GOMAXPROCS(1)
	control, err := fixed.Load(c.Committee)
	if err != nil {
		return err
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	f := flood.New(flood.Config{
		Targets: targets(control.View().Current, key, c.Plaintext), Source: strangersSource, Reconnect: strangersPause,
	})
	for d := json.NewDecoder(orders); ; {
		var o strangersOrder
		if d.Decode(&o) != nil {
			break
		}
		f.Add(o.Kind, o.Count)
	}
	f.Stop()
	return json.NewEncoder(counts).Encode(f.Counts())
}

// targets are the nodes of a committee, as floods see them.
func targets(members *committee.Committee, client *identity.Key, plaintext bool) (all []flood.Target) {
	for i := range members.Len() {
		m := members.Member(i)
		t := flood.Target{Address: m.Address}
		if !plaintext {
			t.Stranger, t.Client = (*identity.Key)(nil).ClientTLS(m.TLSKey), client.ClientTLS(m.TLSKey)
		}
		all = append(all, t)
	}
	return all
}

// Strangers are floods of all nodes, from a process of their own. It is started when the
// first of them come.
type Strangers struct {
	program string
	args    []string
	log     string // file

	mu     sync.Mutex
	cmd    *exec.Cmd // nil if nobody has come
	orders io.WriteCloser
	answer io.Reader
	ended  bool
	counts []flood.Counts
}

// Add lets so many more come, if Stop was not called.
func (s *Strangers) Add(k flood.Kind, count int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	if s.cmd == nil {
		if err := s.start(); err != nil {
			return fmt.Errorf("strangers: %w", err)
		}
	}
	return json.NewEncoder(s.orders).Encode(strangersOrder{Kind: k, Count: count})
}

func (s *Strangers) start() (err error) {
	file, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // the process has its own
	cmd := exec.Command(s.program, s.args...)
	cmd.Stderr = file
	if s.orders, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if s.answer, err = cmd.StdoutPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	return nil
}

// Stop ends all that the strangers do, and waits for it. The error is that they ended by
// themselves, or did not end.
func (s *Strangers) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.cmd == nil {
		s.ended = true
		return nil
	}
	s.ended = true
	_ = s.orders.Close() // the process may have ended
	late := time.AfterFunc(strangersGrace, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	err := json.NewDecoder(s.answer).Decode(&s.counts)
	if err = errors.Join(err, s.cmd.Wait()); err != nil {
		return fmt.Errorf("strangers: %w%s", err, tail(s.log))
	}
	return nil
}

// Counts tells what became of their connections. It is known after Stop.
func (s *Strangers) Counts() []flood.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// CPU returns the processor time that they took. It is known after Stop.
func (s *Strangers) CPU() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.cmd.ProcessState == nil {
		return 0
	}
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
}
