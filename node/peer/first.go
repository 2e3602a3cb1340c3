package peer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// First asks peers, in their order, until one gives what is asked for: the next one as
// soon as one fails, or when none has answered for the time given. Peers that lie are
// distrusted. The error wraps what each of them said, or is the context's.
func First[T any](ctx context.Context, peers []*Peer, hedge time.Duration, ask func(context.Context, *Peer) (T, error)) (T, error) {
	type answer struct {
		peer  *Peer
		value T
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(peers))
	next := 0
	start := func() {
		if next == len(peers) {
			return
		}
		p := peers[next]
		next++
		go func() {
			v, err := ask(ctx, p)
			answers <- answer{p, v, err}
		}()
	}
	start()
	ticker := time.NewTicker(hedge)
	defer ticker.Stop()
	errs := []error{errors.New("node: none of the peers has it")}
	var none T
	for range peers {
		var a answer
		for waiting := true; waiting; {
			select {
			case a = <-answers:
				waiting = false
			case <-ticker.C:
				start()
			case <-ctx.Done():
				return none, ctx.Err()
			}
		}
		if a.err == nil {
			return a.value, nil
		}
		if errors.Is(a.err, ErrLied) {
			a.peer.Distrust()
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.peer.name, a.err))
		start()
	}
	return none, errors.Join(errs...)
}
