package ledger

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
)

// ChallengeMode says which blobs members have to prove that they store.
type ChallengeMode uint8

// The modes.
const (
	ChallengesOff   ChallengeMode = iota
	ChallengesLight               // some blobs of each epoch, drawn at random
	ChallengesFull                // all blobs
)

// String returns the mode in one word.
func (m ChallengeMode) String() string {
	switch m {
	case ChallengesOff:
		return "off"
	case ChallengesLight:
		return "light"
	case ChallengesFull:
		return "full"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// MarshalText is String.
func (m ChallengeMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads off, light or full.
func (m *ChallengeMode) UnmarshalText(text []byte) error {
	for mode := ChallengesOff; mode <= ChallengesFull; mode++ {
		if string(text) == mode.String() {
			*m = mode
			return nil
		}
	}
	return fmt.Errorf("ledger: %q is none of the modes off, light and full", text)
}

// ChallengeRules are how members prove that they store what they are paid for, and what
// becomes of who does not. See package challenge. Those numbers that are [Parameters] too are what a
// ledger begins with.
type ChallengeRules struct {
	Mode    ChallengeMode
	Missing uint16 // share of the blobs, in basis points, without which a member is to fail
	Error   uint16 // e of the bound 10^-e on the probability that it does not
	Millis  uint64 // after which a challenge ends, however few have passed; its epoch ends no earlier
	// Milliseconds that the last ones have at least, once members with n-f shards have passed: or as long
	// again as these took, for who is slow is so on the network on which they were.
	Grace uint64

	Strikes     uint16 // challenges failed one after the other, from which on stake is slashed
	Penalty     uint16 // of the stake with the node, in basis points
	FinesShared uint16 // of what is slashed, in basis points, for the next epoch's rewards; the rest is burned
}

// Defaults of the rules: where there are challenges.
const (
	DefaultMissing = 1000
	DefaultError   = 30
	DefaultStrikes = 3
	DefaultPenalty = 100
	DefaultMillis  = 3600 * 1000 // or an eighth of an epoch, if that is less
	DefaultGrace   = 300 * 1000  // or a quarter of Millis, if that is less
)

// fill replaces zeros by the defaults.
func (r *ChallengeRules) fill(epochMillis uint64) {
	if r.Mode == ChallengesOff {
		return
	}
	def(&r.Missing, DefaultMissing)
	def(&r.Error, DefaultError)
	def(&r.Millis, max(1, min(DefaultMillis, epochMillis/8)))
	def(&r.Grace, max(1, min(DefaultGrace, r.Millis/4)))
	def(&r.Strikes, DefaultStrikes)
	def(&r.Penalty, DefaultPenalty)
}

// maxEpochs is how many epochs a challenge may take: who has it open for so long is not to stop the ledger.
const maxEpochs = 8

// maxMoney is the most money of a ledger with challenges. A share of a pool is not slashed
// below a quarter of its first worth, so that no pool has more shares than fit into 64 bits.
const maxMoney = math.MaxUint64 / 4

// validate says what is wrong with what members do not vote for.
func (r *ChallengeRules) validate(epochMillis uint64) error {
	switch {
	case r.Mode == ChallengesOff && *r != ChallengeRules{}:
		return errors.New("there are none, and they have rules")
	case r.Mode == ChallengesOff:
		return nil
	case r.Mode > ChallengesFull:
		return fmt.Errorf("%v is none of the modes off, light and full", r.Mode)
	case r.Millis/maxEpochs > epochMillis:
		return fmt.Errorf("%d ms are more than %d epochs of %d", r.Millis, maxEpochs, epochMillis)
	}
	return nil
}

// seeds makes the seeds of challenges.
var seeds challenge.SeedSource = challenge.AckHash{}

// Challenge is the last challenge that the ledger has armed.
type Challenge struct {
	challenge.Challenge
	Deadline uint64 // time at which it ends, however few have passed
	// Excused are members that have not reported yet that they have the shards that this epoch gave
	// them. They are paid if they pass, and have not failed if they do not.
	Excused []uint16
}

// lastChallenge returns the last challenge, or nil if there was none.
func lastChallenge(d *draft) *Challenge { return get[Challenge](d.tree, ChallengeKey()) }

// electorateOf returns whose shards count in the current epoch.
func electorateOf(d *draft) challenge.Electorate {
	members := d.committee().Members
	p := d.genesis.params()
	return challenge.Electorate{Quorum: p.N - p.F, All: p.N, Weight: func(i int) int {
		if i < 0 || i >= len(members) {
			return 0
		}
		return len(members[i].Shards)
	}}
}

// armChallenge arms the challenge of the epoch, when the next committee is selected and
// this one has its shards. The first epoch has none, for no blob was certified before it, nor has
// one whose time is over by then.
func armChallenge(d *draft) {
	s, rules := &d.system, &d.genesis.Challenges
	if s.Time-s.PhaseStart >= d.genesis.EpochMillis {
		return
	}
	if rules.Mode == ChallengesOff || s.Epoch == 1 || s.Settled != s.Epoch || Phase(s.Phase) != PhaseSelected {
		return
	}
	if last := lastChallenge(d); last != nil && last.Epoch == s.Epoch {
		return
	}
	c := Challenge{*challenge.Arm(d.genesis.ChainID(), s.Epoch, s.Height), saturatingAdd(s.Time, rules.Millis), nil}
	moves := transfers(d)
	for i, m := range d.committee().Members {
		if get[bool](d.tree, SyncedKey(s.Epoch, m.Node)) == nil && moves.moved(d, m.Node, nil) > 0 {
			c.Excused = append(c.Excused, uint16(i))
		}
	}
	d.put(ChallengeKey(), c)
	d.emit(ChallengeArmed{c.Epoch, c.Height})
}

// isOpen reports whether there is a challenge that is not closed.
func isOpen(c *Challenge) bool { return c != nil && c.Stage != challenge.Closed }

// closeChallenge ends the challenge, if one is open and its time is over.
func closeChallenge(d *draft) {
	c := lastChallenge(d)
	if !isOpen(c) || d.system.Time < c.Deadline {
		return
	}
	c.Close()
	d.put(ChallengeKey(), c)
	d.emit(ChallengeClosed{c.Epoch, c.Height, c.Weight})
}

// openChallenge returns the challenge that was armed at a height, in the current epoch.
func openChallenge(d *draft, height uint64) (*Challenge, error) {
	c := lastChallenge(d)
	if c == nil || c.Height != height || c.Epoch != d.system.Epoch {
		return nil, broken(RuleUnknown, "no challenge of epoch %d was armed at height %d", d.system.Epoch, height)
	}
	return c, nil
}

// ruleOf returns the RuleError that an error of package challenge stands for.
func ruleOf(err error) error {
	switch {
	case errors.Is(err, challenge.ErrTwice):
		return broken(RuleTwice, "%v", err)
	case errors.Is(err, challenge.ErrStranger):
		return broken(RuleMember, "%v", err)
	}
	return broken(RulePhase, "%v", err)
}

// AckChallenge says that a member is silent about the blobs of a list: the certified ones of
// earlier epochs, as its ledger has them at the height at which the challenge was armed.
// Everybody may send it. With those of n-f shards under one list the round starts.
type AckChallenge struct {
	Node      NodeID
	Height    uint64
	List      challenge.List
	Signature [committee.SignatureSize]byte
}

func (a AckChallenge) apply(d *draft, _ Address) error {
	c, err := openChallenge(d, a.Height)
	if err != nil {
		return err
	}
	i := d.committee().index(a.Node)
	if i < 0 {
		return broken(RuleMember, "the node owns no shard in epoch %d", c.Epoch)
	}
	enough, err := c.Ack(electorateOf(d), challenge.Ack{Member: uint16(i), List: a.List, Signature: a.Signature})
	if err != nil {
		return ruleOf(err)
	}
	members, err := d.committees.get(d.genesis, d.tree, c.Epoch)
	if err != nil {
		return broken(RuleProof, "%v", err)
	}
	attestation := c.TermsOf(a.List).Ack()
	if err := members.VerifyAttestation(i, attestation, a.Signature); err != nil {
		return broken(RuleProof, "%v", err)
	}
	if enough != nil {
		if err := startRound(d, c, a.List, members, attestation, enough); err != nil {
			return broken(RuleProof, "%v", err)
		}
	}
	d.put(ChallengeKey(), c)
	return nil
}

// startRound makes the seed of the acks, all of which hold.
func startRound(d *draft, c *Challenge, list challenge.List, members *committee.Committee, a committee.Attestation, acks []challenge.Ack) error {
	signatures := make(map[int]committee.Signature, len(acks))
	for _, ack := range acks {
		signatures[int(ack.Member)] = ack.Signature
	}
	cert, err := members.Certify(a, signatures)
	if err != nil {
		return err
	}
	seed, err := seeds.Seed(cert)
	if err != nil {
		return err
	}
	draws := uint64(math.MaxUint64)
	if d.genesis.Challenges.Mode == ChallengesLight {
		if draws, err = inForce(d).draws(members.Len()); err != nil {
			return err
		}
		draws = doubled(draws, doubt(d).Doublings)
	}
	if err := c.Start(list, seed, draws); err != nil {
		return err
	}
	d.emit(ChallengeStarted{c.Round})
	return nil
}

// PassChallenge shows the certificate that a member has proven its rows to those who own
// n-f shards. The challenge is closed when all members have one, or some time after members
// who own n-f shards do; later ones are refused.
type PassChallenge struct {
	Node        NodeID
	Height      uint64
	Certificate []byte
}

func (a PassChallenge) apply(d *draft, _ Address) error {
	c, err := openChallenge(d, a.Height)
	if err != nil {
		return err
	}
	members := d.committee()
	i := members.index(a.Node)
	if i < 0 {
		return broken(RuleMember, "the node owns no shard in epoch %d", c.Epoch)
	}
	e := electorateOf(d)
	before := c.Enough(e)
	if err := c.Pass(e, i); err != nil {
		return ruleOf(err)
	}
	if !before && c.Enough(e) {
		rules, now := &d.genesis.Challenges, d.system.Time
		armed := c.Deadline - min(c.Deadline, rules.Millis)
		c.Deadline = min(c.Deadline, saturatingAdd(now, max(rules.Grace, now-min(now, armed))))
	}
	key, err := committee.ParsePublicKey(members.Members[i].PublicKey[:])
	if err != nil {
		return broken(RuleProof, "%v", err)
	}
	want := c.Round.Pass(key)
	if err := d.certificate(a.Certificate, exactly(want)); err != nil {
		return err
	}
	d.put(ChallengeKey(), c)
	d.emit(ChallengePassed{c.Epoch, a.Node, uint16(len(members.Members[i].Shards))})
	if c.Stage == challenge.Closed {
		d.emit(ChallengeClosed{c.Epoch, c.Height, c.Weight})
	}
	return nil
}

// Verdict is what the challenge of an epoch says of a member.
type Verdict uint8

// The verdicts.
const (
	Undecided Verdict = iota // nobody could prove anything, or there was no challenge
	Passed
	// Unproven: it has no certificate, but neither have enough others, so that the network may be at
	// fault; or it had not got yet what the epoch gave it.
	Unproven
	Failed
)

// String returns the verdict in one word.
func (v Verdict) String() string {
	switch v {
	case Undecided:
		return "undecided"
	case Passed:
		return "passed"
	case Unproven:
		return "unproven"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// LastEpoch is what became of a node in the last epoch that ended in which it was a member.
type LastEpoch struct {
	Epoch   uint32 // 0 if there was none
	Verdict uint8  // a Verdict
	Reward  uint64 // with the operator's commission
}

// verdictOn returns what a challenge, if there was one, says of a member of an epoch.
func verdictOn(c *Challenge, e challenge.Electorate, epoch uint32, member int) Verdict {
	switch {
	case c == nil || c.Epoch != epoch || !c.Started():
		return Undecided
	case c.HasPassed(member):
		return Passed
	case !c.Enough(e) || slices.Contains(c.Excused, uint16(member)):
		return Unproven
	}
	return Failed
}

// judge has a node bear what the challenge of the epoch that ends says of it, and reports
// whether it has earned its reward. Who has failed has no reward. Up to f honest shards may
// have been cut off by the network in a challenge, so stake is slashed only of who fails
// several challenges one after the other.
func judge(d *draft, v Verdict, epoch uint32, id NodeID, n *Node) (earns bool) {
	switch v {
	case Passed:
		n.Failed = 0
	case Unproven:
		return false
	case Failed:
		if n.Failed < math.MaxUint16 {
			n.Failed++
		}
		d.emit(ChallengeFailed{epoch, id, n.Failed})
		if p := inForce(d); n.Failed >= p.Strikes {
			fine(d, epoch, id, n, p)
		}
		return false
	}
	return true
}

// fine slashes the penalty of the stake with a node.
func fine(d *draft, epoch uint32, id NodeID, n *Node, p *Parameters) {
	amount := n.slash(scale(n.Balance, uint64(p.Penalty), basisPoints))
	if amount == 0 {
		return
	}
	shared := scale(amount, uint64(p.FinesShared), basisPoints)
	d.system.Burned += amount - shared
	if shared > 0 {
		earn(d, d.system.Epoch, shared)
	}
	d.emit(StakeSlashed{epoch, id, amount, amount - shared})
}

// slash takes so much of the stake with a node, and returns what it took: what all who have stake
// there lose alike. It takes no share of the pool below a quarter of its first worth, and no
// more money than the pool has.
func (n *Node) slash(amount uint64) uint64 {
	least := n.Shares/4 + min(1, n.Shares%4)
	amount = min(amount, saturate(n.Balance, least), saturate(n.Staked+n.Rewards, n.Debt))
	n.Balance -= amount
	n.Slashed += amount
	n.lose(amount)
	return amount
}

// gain gives money to a pool beside its stakes.
func (n *Node) gain(amount uint64) {
	repaid := min(amount, n.Debt)
	n.Debt -= repaid
	n.Rewards += amount - repaid
}

// lose takes money from a pool: its rewards, and then what its stakes are short of.
func (n *Node) lose(amount uint64) {
	paid := min(amount, n.Rewards)
	n.Rewards -= paid
	n.Debt += amount - paid
}
