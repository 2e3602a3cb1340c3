package main

import (
	"errors"
	"net"
	"sync"
)

// listenAll listens at one address or more, as if they were one.
func listenAll(addresses []string) (net.Listener, error) {
	var all []net.Listener
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			for _, l := range all {
				err = errors.Join(err, l.Close())
			}
			return nil, err
		}
		all = append(all, l)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	j := &joinedListener{all: all, accepted: make(chan accepted), done: make(chan struct{})}
	for _, l := range all {
		j.group.Go(func() { j.accept(l) })
	}
	return j, nil
}

// joinedListener is several listeners. Its address is that of the first one.
type joinedListener struct {
	all      []net.Listener
	accepted chan accepted
	group    sync.WaitGroup

	once sync.Once
	done chan struct{}
}

type accepted struct {
	conn net.Conn
	err  error
}

// accept hands on what comes, until the listener is closed. After an error it is the server
// that waits before it asks again, as it does with one listener.
func (j *joinedListener) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case j.accepted <- accepted{conn, err}:
		case <-j.done:
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// Accept returns the next connection of any of the listeners.
func (j *joinedListener) Accept() (net.Conn, error) {
	select {
	case a := <-j.accepted:
		return a.conn, a.err
	case <-j.done:
		return nil, net.ErrClosed
	}
}

// Close closes all of the listeners.
func (j *joinedListener) Close() (err error) {
	j.once.Do(func() {
		close(j.done)
		for _, l := range j.all {
			err = errors.Join(err, l.Close())
		}
		j.group.Wait()
	})
	return err
}

// Addr returns the first address.
func (j *joinedListener) Addr() net.Addr { return j.all[0].Addr() }
