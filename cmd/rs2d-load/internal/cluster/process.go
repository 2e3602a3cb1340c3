package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"sync"
	"time"
)

// process is one run of a node, from its start to its end.
type process struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	began  time.Time
	ready  chan struct{} // closed when it serves
	ended  chan struct{} // closed when it has ended

	mu      sync.Mutex
	stats   Stats
	refused map[uint32]int64 // messages, by the epochs of challenges
	healthy time.Time        // when it first lacked nothing
	expect  bool             // that it ends
	err     error            // how it ended
}

// start runs the program with args, and logs what it says to a file.
func start(program string, args []string, log string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the process has its own
	p := &process{cmd: exec.Command(program, args...), refused: make(map[uint32]int64), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Stderr = file
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stats, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.watch(stats)
	return p, nil
}

// watch takes the process's Stats until it ends.
func (p *process) watch(stats io.Reader) {
	first := true
	for d := json.NewDecoder(stats); ; first = false {
		var s Stats
		if d.Decode(&s) != nil {
			break
		}
		p.mu.Lock()
		p.stats = s
		if s.Refused.Epoch > 0 {
			p.refused[s.Refused.Epoch] = s.Refused.Count
		}
		if s.Healthy && p.healthy.IsZero() {
			p.healthy = time.Now()
		}
		p.mu.Unlock()
		if first {
			close(p.ready)
		}
	}
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.ended)
}

// running reports whether the process has started to serve and not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
	}
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// order sends an order. The error is that the process has ended.
func (p *process) order(o Order) error { return json.NewEncoder(p.orders).Encode(o) }

// willEnd notes that the process is expected to end.
func (p *process) willEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expect = true
}

// kill ends the process without a warning, and waits for it.
func (p *process) kill() {
	p.willEnd()
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop asks the process to end, and kills it when it takes too long.
func (p *process) stop() {
	p.willEnd()
	_ = p.orders.Close() // it may have ended
	select {
	case <-p.ended:
	case <-time.After(2 * serverGrace):
		p.kill()
	}
}

// status tells what the process has done so far.
func (p *process) status() (stats Stats, healthy time.Time, cpu time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if state := p.cmd.ProcessState; p.hasEnded() && state != nil {
		cpu = state.UserTime() + state.SystemTime()
	}
	return p.stats, p.healthy, cpu
}

// refusedIn returns how many of the process's messages others refused, by epochs of challenges.
func (p *process) refusedIn() map[uint32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.refused)
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// died returns how the process ended, if nobody made it.
func (p *process) died() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expect || !p.hasEnded() {
		return nil
	}
	return fmt.Errorf("ended by itself: %v", p.err)
}
