package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
)

// validator is the process beside a node that votes on the ledger's blocks. It and the
// node are on one machine: they die together.
type validator struct {
	program string
	args    []string
	log     string
	url     string // of its API
	peer    string // by which others know it
	process *process
	spent   time.Duration // processor time of the processes before
}

// newValidator returns the validator of a node, which knows nobody yet.
func newValidator(m *member, program, genesis, listen, api string) (*validator, error) {
	key, err := identity.LoadKey(m.config.Key)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(m.config.Key)
	return &validator{
		program: program, log: filepath.Join(dir, "validator.log"), url: "http://" + api,
		peer: identity.ValidatorPeerID(key.Account()) + "@" + listen,
		args: []string{
			"run", "--until-eof", "--genesis", genesis, "--key", m.config.Key, "--dir", filepath.Join(dir, "validator"),
			"--listen", listen, "--api", api, "--max-conns", "4096",
		},
	}, nil
}

// meet tells the validator of the others.
func (v *validator) meet(nodes []*member) {
	for _, m := range nodes {
		if m.validator != nil && m.validator != v {
			v.args = append(v.args, "--peer", m.validator.peer)
		}
	}
}

// startValidators gives each node a validator that knows the others, and waits until all
// answer.
func startValidators(ctx context.Context, nodes []*member, program, genesis string) error {
	addresses, err := freeAddresses(2 * len(nodes))
	if err != nil {
		return err
	}
	for i, m := range nodes {
		if m.validator, err = newValidator(m, program, genesis, addresses[2*i], addresses[2*i+1]); err != nil {
			return err
		}
	}
	for _, m := range nodes {
		m.validator.meet(nodes)
		if err := m.validator.start(); err != nil {
			return err
		}
	}
	for _, m := range nodes {
		if err := m.validator.await(ctx); err != nil {
			return fmt.Errorf("validator of %s: %w%s", m.name, err, tail(m.validator.log))
		}
	}
	return nil
}

// start starts the validator's process, unless it runs.
func (v *validator) start() error {
	if v.process != nil {
		if !v.process.hasEnded() {
			return nil
		}
		v.spent = v.cpu()
	}
	p, err := start(v.program, v.args, v.log)
	if err == nil {
		v.process = p
	}
	return err
}

// await waits until the validator answers.
func (v *validator) await(ctx context.Context) error {
	for l, tick := rpc.NewClient(v.url), time.NewTicker(statsEvery); ; {
		if _, err := l.Status(ctx); err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-v.process.ended:
			tick.Stop()
			return v.process.died()
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// cpu returns the processor time of the processes that have ended.
func (v *validator) cpu() time.Duration {
	_, _, last := v.process.status()
	return v.spent + last
}
