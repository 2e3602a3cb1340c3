package challenge_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
)

// weights is an electorate of 10 shards, of which 7 are a quorum.
func weights(w ...int) challenge.Electorate {
	return challenge.Electorate{Quorum: 7, All: 10, Weight: func(m int) int {
		if m < len(w) {
			return w[m]
		}
		return 0
	}}
}

func TestChallenge(t *testing.T) {
	e := weights(3, 2, 3, 2)
	c := challenge.Arm([32]byte{1}, 2, 30)
	right, wrong := challenge.List{Blobs: 9}, challenge.List{Blobs: 8}
	ack := func(m uint16, list challenge.List) ([]challenge.Ack, error) {
		return c.Ack(e, challenge.Ack{Member: m, List: list})
	}
	if err := c.Pass(e, 0); !errors.Is(err, challenge.ErrStage) {
		t.Errorf("pass before the start: %v", err)
	}
	for _, step := range []struct {
		member uint16
		list   challenge.List
		want   error
	}{{0, right, nil}, {0, right, challenge.ErrTwice}, {0, wrong, challenge.ErrTwice}, {4, right, challenge.ErrStranger}, {1, wrong, nil}, {3, right, nil}} {
		if enough, err := ack(step.member, step.list); enough != nil || !errors.Is(err, step.want) {
			t.Errorf("ack of %d: %v (%v), want none (%v)", step.member, enough, err, step.want)
		}
	}
	if got := c.AckWeight(e); got != 5 {
		t.Errorf("%d shards have acked, want 5", got)
	}
	enough, err := ack(2, right)
	if members := membersOf(enough); err != nil || !slices.Equal(members, []uint16{0, 3, 2}) {
		t.Fatalf("acks of %v (%v), want those of 0, 3 and 2", members, err)
	}
	if c.Started() {
		t.Error("it has started before Start")
	}
	if err := c.Start(right, challenge.Seed{5}, 4); err != nil || !c.Started() || len(c.Acks) > 0 {
		t.Fatalf("start: %v, started %v, acks %v", err, c.Started(), c.Acks)
	}
	if err := c.Start(right, challenge.Seed{6}, 4); !errors.Is(err, challenge.ErrStage) {
		t.Errorf("second start: %v", err)
	}
	if _, err := ack(1, right); !errors.Is(err, challenge.ErrStage) {
		t.Errorf("ack after the start: %v", err)
	}
	for _, step := range []struct {
		member int
		want   error
		stage  challenge.Stage
	}{
		{2, nil, challenge.Running}, {2, challenge.ErrTwice, challenge.Running}, {9, challenge.ErrStranger, challenge.Running},
		{3, nil, challenge.Running}, {1, nil, challenge.Running}, {0, nil, challenge.Closed}, {0, challenge.ErrStage, challenge.Closed},
	} {
		if err := c.Pass(e, step.member); !errors.Is(err, step.want) || c.Stage != step.stage {
			t.Errorf("pass of %d: %v, %v; want %v, %v", step.member, err, c.Stage, step.want, step.stage)
		}
		if want := c.Weight >= 7; c.Enough(e) != want {
			t.Errorf("with %d shards passed: enough %v", c.Weight, !want)
		}
	}
	if c.Weight != 10 || c.HasPassed(4) || !c.HasPassed(1) {
		t.Errorf("%d shards, %v", c.Weight, c.Passed)
	}
}

func membersOf(acks []challenge.Ack) (members []uint16) {
	for _, a := range acks {
		members = append(members, a.Member)
	}
	return members
}

func TestGate(t *testing.T) {
	r := fixedRound(t)
	blob, other := commit.BlobID{1}, commit.BlobID{2}
	only := func(id commit.BlobID) bool { return id == blob }
	g := challenge.NewGate(r.Chain)
	expect := func(when string, serves bool, check error) {
		t.Helper()
		if got := g.Serves(blob, challenge.Column); got != serves || g.Silent(blob) == serves {
			t.Errorf("%s: serves %v, want %v", when, got, serves)
		}
		if g.Serves(blob, challenge.OwnColumn) != serves || !g.Serves(other, challenge.Column) {
			t.Errorf("%s: own columns, or other blobs, differ", when)
		}
		if g.Serves(blob, challenge.Row) || g.Serves(other, challenge.Row) {
			t.Errorf("%s: serves rows", when)
		}
		if err := g.Check(r); !errors.Is(err, check) || (err == nil) != (check == nil) {
			t.Errorf("%s: check %v, want %v", when, err, check)
		}
	}
	expect("at first", true, challenge.ErrPremature)
	if err := g.Ack(only); !errors.Is(err, challenge.ErrStage) {
		t.Errorf("ack of nothing: %v", err)
	}
	g.Arm(r.Height)
	expect("armed", true, challenge.ErrPremature)
	if err := g.Ack(only); err != nil {
		t.Fatal(err)
	}
	expect("acked", false, challenge.ErrPremature)
	if stage, acked := g.Stage(); stage != challenge.Armed || !acked {
		t.Errorf("%v, acked %v", stage, acked)
	}
	g.Start(r, only)
	expect("running", false, nil)
	if err := g.Ack(only); !errors.Is(err, challenge.ErrStage) {
		t.Errorf("ack of a running one: %v", err)
	}
	for name, change := range map[string]struct {
		change func(*challenge.Round)
		want   error
	}{
		"ledger": {func(r *challenge.Round) { r.Chain[1]++ }, challenge.ErrForeign},
		"seed":   {func(r *challenge.Round) { r.Seed[1]++ }, challenge.ErrForeign},
		"list":   {func(r *challenge.Round) { r.List.Blobs++ }, challenge.ErrForeign},
		"later":  {func(r *challenge.Round) { r.Height++ }, challenge.ErrPremature},
		"before": {func(r *challenge.Round) { r.Height-- }, challenge.ErrOver},
	} {
		other := r
		change.change(&other)
		if err := g.Check(other); !errors.Is(err, change.want) {
			t.Errorf("round of another %s: %v, want %v", name, err, change.want)
		}
	}
	g.Close()
	expect("closed", true, challenge.ErrOver)
	g.Arm(r.Height + 50)
	expect("the next is armed", true, challenge.ErrOver)
	g.Start(r, only)
	expect("started without an arm", false, nil)
}

// TestCollector gathers signatures of real keys into a certificate that the committee
// verifies, and takes none that are of something else.
func TestCollector(t *testing.T) {
	c, keys := town(t)
	r := fixedRound(t)
	const prover = 1
	pass := r.Pass(c.Member(prover).PublicKey)
	sign := func(m int, a committee.Attestation) committee.Signature { return keys[m].Signer(nil).Attest(c, a) }
	k := challenge.NewCollector(c, r, prover)
	later := r
	later.Height++
	for name, bad := range map[string]committee.Signature{
		"another's signature": sign(2, pass), "an ack": sign(0, r.Ack()), "another prover's": sign(0, r.Pass(c.Member(0).PublicKey)),
		"a replayed one": sign(0, later.Pass(c.Member(prover).PublicKey)), "none": {},
	} {
		if cert, err := k.Add(0, bad); cert != nil || !errors.Is(err, committee.ErrSignature) {
			t.Errorf("%s: %v, %v", name, cert, err)
		}
	}
	var cert *committee.Certificate
	for _, m := range []int{3, 3, 1, 0} { // of 3, 2 and 2 shards; 7 are enough
		if cert != nil {
			t.Fatalf("a certificate before member %d", m)
		}
		var err error
		if cert, err = k.Add(m, sign(m, pass)); err != nil {
			t.Fatal(err)
		}
	}
	if cert == nil {
		cert, _ = k.Add(2, sign(2, pass))
	}
	if cert == nil || cert.Attestation != pass {
		t.Fatalf("certificate %v", cert)
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := committee.ParseCertificate(c, data); err != nil {
		t.Errorf("the committee refuses it: %v", err)
	}
	if _, err := (challenge.AckHash{}).Seed(cert); err == nil {
		t.Error("a pass makes a seed")
	}
}
