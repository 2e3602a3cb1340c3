package prove

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// errVerifier is returned for a member that wants more than an honest one may.
var errVerifier = errors.New("prove: the member wants what it has had, or does not want what it needs")

// Bounds of what is shown to one member.
const (
	maxAnswer   = 16 << 10               // bytes: a Want of all places that it may have open, and more
	maxProofs   = 4 * challenge.MaxWrong // in a round
	proofPause  = 10 * time.Millisecond
	firstPause  = 50 * time.Millisecond
	lastPause   = 2 * time.Second
	messageTime = time.Minute
)

// showing shows the node's rows to one member. It lasts as long as the round.
type showing struct {
	*round
	member int
	peer   *peer.Peer
	prover *challenge.Prover
	sent   uint64 // bytes of symbols
	proofs int
}

// prove shows the node's rows to all members, until enough have signed. The error is the
// context's.
func (r *round) prove(ctx context.Context, peers []*peer.Peer) (*committee.Certificate, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	collector := challenge.NewCollector(r.committee, r.Round, r.self)
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		cert  *committee.Certificate
	)
	add := func(member int, s committee.Signature) error {
		mu.Lock()
		defer mu.Unlock()
		got, err := collector.Add(member, s)
		if err == nil && got != nil && cert == nil {
			cert = got
			cancel()
		}
		return err
	}
	if err := add(r.self, r.sign(r.self)); err != nil {
		return nil, err
	}
	for member, p := range peers {
		if member == r.self || p == nil {
			continue
		}
		group.Go(func() {
			s := &showing{round: r, member: member, peer: p, prover: challenge.NewProver(r.grid(r.self, member), &rows{round: r})}
			s.run(ctx, add)
		})
	}
	group.Wait()
	if cert != nil {
		return cert, nil
	}
	<-ctx.Done() // others have refused for good: the round goes on without the node
	return nil, ctx.Err()
}

// run shows the rows until the member signs, or refuses for good.
func (s *showing) run(ctx context.Context, signed func(int, committee.Signature) error) {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		signature, err := s.show(ctx)
		if err == nil {
			err = signed(s.member, signature)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		s.of.config.Logger.Debug("rows are not shown", "member", s.committee.Member(s.member).Name, "error", err)
		for _, final := range []error{challenge.ErrOver, challenge.ErrForeign, challenge.ErrStranger, challenge.ErrProof, errVerifier, committee.ErrSignature} {
			if errors.Is(err, final) {
				return
			}
		}
		if pause.For(ctx, wait) != nil {
			return
		}
	}
}

// show goes on where the member wants it, until it signs.
func (s *showing) show(ctx context.Context) (committee.Signature, error) {
	for m := challenge.Message(challenge.Open{Round: s.Round}); ; {
		answer, err := s.ask(ctx, m)
		if err != nil {
			return committee.Signature{}, err
		}
		switch a := answer.(type) {
		case challenge.Signed:
			return a.Signature, nil
		case challenge.Refused:
			return committee.Signature{}, a.Err()
		case challenge.Want:
			if m, err = s.wanted(ctx, a); err != nil {
				return committee.Signature{}, err
			}
		default:
			return committee.Signature{}, fmt.Errorf("%w: an answer of another kind", challenge.ErrMessage)
		}
	}
}

// wanted returns what a member wants next.
func (s *showing) wanted(ctx context.Context, w challenge.Want) (challenge.Message, error) {
	if len(w.Wrong) > 0 {
		if s.proofs++; s.proofs > maxProofs {
			return nil, errVerifier
		}
		// Whoever wants many proofs has lost its columns, or says so. Others come first.
		if err := pause.For(ctx, proofPause); err != nil {
			return nil, err
		}
		return s.prover.Prove(w.Wrong[0])
	}
	if err := s.prover.Resume(w); err != nil {
		return nil, fmt.Errorf("%w: %w", errVerifier, err)
	}
	m, more, err := s.prover.Next()
	if err != nil {
		return nil, err
	}
	// Whoever wants everything twice has lost an answer; more than that no honest one wants.
	if s.sent += uint64(len(m.Data)); !more || s.sent > 2*s.bytes()+challenge.MaxData {
		return nil, errVerifier
	}
	return m, nil
}

// bytes returns how many bytes of symbols there are for the member.
func (s *showing) bytes() (sum uint64) {
	for _, size := range s.sizes {
		sum += uint64(size)
	}
	return sum * uint64(s.committee.Weight(s.self)) * uint64(s.committee.Weight(s.member))
}

// ask sends a message.
func (s *showing) ask(ctx context.Context, m challenge.Message) (challenge.Message, error) {
	p := s.of
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, messageTime)
	defer cancel()
	data := challenge.MarshalMessage(m)
	answer, err := peer.Challenge(ctx, s.peer, s.Height, data, maxAnswer)
	if err != nil {
		return nil, err
	}
	p.metrics.sent.Add(float64(len(data)))
	parsed, err := challenge.ParseMessage(answer)
	if refused, ok := parsed.(challenge.Refused); ok {
		p.metrics.refusedOwn(s.Epoch, nameOf(refused.Reason))
	}
	return parsed, err
}
