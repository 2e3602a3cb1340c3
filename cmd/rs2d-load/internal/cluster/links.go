package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/network"
)

// linksOrder is an order to the process that emulates links: one of its fields is set.
type linksOrder struct {
	Node    string   `json:"node,omitempty"`    // listens there
	Forward []string `json:"forward,omitempty"` // from a host to an address; the answer says where to connect
	Cut     []string `json:"cut"`               // all that are cut off, if neither of the others is set
}

// linksAnswer is what that process says: where it listens, at first and of each forward,
// and what it has carried when it ends.
type linksAnswer struct {
	Address string         `json:"address,omitempty"`
	Counts  network.Counts `json:"counts"`
}

// RunLinks runs the process that emulates links, until there are no more orders.
func RunLinks(profile string, orders io.Reader, answers io.Writer) error {
	p, err := network.Load(profile)
	if err != nil {
		return err
	}
	e := network.New(p)
	failed := make(chan error, 1)
	serve := func(f func(net.Listener) error) (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		go func() {
			if err := f(l); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		}()
		return l.Addr().String(), nil
	}
	out := json.NewEncoder(answers)
	address, err := serve(e.Serve)
	if err == nil {
		err = out.Encode(linksAnswer{Address: address})
	}
	for d := json.NewDecoder(orders); err == nil; {
		var o linksOrder
		if d.Decode(&o) != nil {
			break
		}
		switch {
		case o.Node != "":
			e.AddNode(o.Node)
		case len(o.Forward) == 2:
			if address, err = serve(func(l net.Listener) error { return e.Forward(l, o.Forward[0], o.Forward[1]) }); err == nil {
				err = out.Encode(linksAnswer{Address: address})
			}
		default:
			e.Cut(o.Cut...)
		}
	}
	e.Close()
	select {
	case e := <-failed:
		err = errors.Join(err, e)
	default:
	}
	return errors.Join(err, out.Encode(linksAnswer{Counts: e.Counts()}))
}

// links are the emulated links between all processes, carried by a process of their own. A
// nil one is none.
type links struct {
	address string
	log     string

	mu      sync.Mutex
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *json.Decoder
	cut     []string
	counts  network.Counts
	failure error
}

// startLinks starts the process.
func startLinks(program string, args []string, log string) (*links, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the process has its own
	l := &links{cmd: exec.Command(program, args...), log: log}
	l.cmd.Stderr = file
	if l.orders, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	l.answers = json.NewDecoder(out)
	var a linksAnswer
	if err := l.answers.Decode(&a); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	l.address = a.Address
	return l, nil
}

// add says where a node listens.
func (l *links) add(address string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return json.NewEncoder(l.orders).Encode(linksOrder{Node: address})
}

// way returns URLs by which a host comes to servers over its links: those of the servers
// with commas between them.
func (l *links) way(host, urls string) (string, error) {
	if l == nil {
		return urls, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var ways []string
	for u := range strings.SplitSeq(urls, ",") {
		parsed, err := url.Parse(u)
		if err != nil {
			return "", err
		}
		var a linksAnswer
		err = json.NewEncoder(l.orders).Encode(linksOrder{Forward: []string{host, parsed.Host}})
		if err == nil {
			err = l.answers.Decode(&a)
		}
		if err != nil {
			return "", fmt.Errorf("links: %w%s", err, tail(l.log))
		}
		parsed.Host = a.Address
		ways = append(ways, parsed.String())
	}
	return strings.Join(ways, ","), nil
}

// isolate cuts a node off from all others but for those that are cut off, or ends that.
func (l *links) isolate(address string, off bool) error {
	if l == nil {
		return errors.New("there are no links to cut")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = slices.DeleteFunc(l.cut, func(other string) bool { return other == address })
	if off {
		l.cut = append(l.cut, address)
	}
	return json.NewEncoder(l.orders).Encode(linksOrder{Cut: l.cut})
}

// stop ends the process, and waits for it. The error is that it has ended by itself.
func (l *links) stop() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.orders == nil {
		return l.failure
	}
	_ = l.orders.Close() // the process may have ended
	l.orders = nil
	late := time.AfterFunc(2*serverGrace, func() { _ = l.cmd.Process.Kill() })
	defer late.Stop()
	var a linksAnswer
	err := l.answers.Decode(&a)
	l.counts = a.Counts
	if err = errors.Join(err, l.cmd.Wait()); err != nil {
		l.failure = fmt.Errorf("links: %w%s", err, tail(l.log))
	}
	return l.failure
}

// LinkUse is what emulated links have carried, and the processor time that this took.
type LinkUse struct {
	network.Counts
	CPU float64 `json:"cpu_seconds"`
}

// EndLinks ends all that links carry, once nothing is to be carried any more, and tells what
// they have; nil if there are none.
func EndLinks(c *Cluster) (*LinkUse, error) {
	if c.links == nil {
		return nil, nil
	}
	err := c.links.stop()
	u := &LinkUse{Counts: c.links.counts}
	if state := c.links.cmd.ProcessState; state != nil {
		u.CPU = (state.UserTime() + state.SystemTime()).Seconds()
	}
	return u, err
}

// DialBy returns how a client connects to the nodes of a cluster; nil is as ever.
func DialBy(c *Cluster) func(ctx context.Context, network, address string) (net.Conn, error) {
	if c == nil || c.links == nil {
		return nil
	}
	return network.Dialer(c.links.address, "client")
}

// Reconnect ends all partitions.
func Reconnect(c *Cluster) error {
	for _, m := range snapshot(c) {
		if c.links == nil {
			return nil
		}
		if err := c.links.isolate(m.config.Host, false); err != nil {
			return err
		}
	}
	return nil
}

// link says how a node that listens at an address is known to the links, and reaches them.
func link(c *Cluster, config *NodeConfig, address string) error {
	if config.Host = address; c.links != nil {
		config.Network = c.links.address
	}
	return c.links.add(address)
}

// snapshot returns the nodes as they are.
func snapshot(c *Cluster) []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}
