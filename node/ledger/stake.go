package ledger

// StakeWith delegates money to a node. It makes a [Stake], which counts from the next
// epoch on whose committee is not selected yet.
type StakeWith struct {
	Node   NodeID
	Amount uint64
}

func (a StakeWith) apply(d *draft, sender Address) error {
	n, err := object[Node](d, NodeKey(a.Node))
	if err != nil {
		return err
	}
	if a.Amount < d.genesis.MinStake {
		return broken(RuleAmount, "%d, and a stake is at least %d", a.Amount, d.genesis.MinStake)
	}
	if err := d.debit(sender, a.Amount); err != nil {
		return err
	}
	active := nextOpen(d) + 1
	n.PendingStake.add(active, a.Amount)
	n.Staked += a.Amount
	d.put(NodeKey(a.Node), n)
	d.put(StakeKey(d.newID()), Stake{Owner: sender, Node: a.Node, Principal: a.Amount, Active: active})
	rank(d, a.Node, n)
	return nil
}

// ownStake returns a stake of the sender's, and its node.
func ownStake(d *draft, id ObjectID, sender Address) (*Stake, *Node, error) {
	s, err := object[Stake](d, StakeKey(id))
	if err != nil {
		return nil, nil, err
	}
	n, err := object[Node](d, NodeKey(s.Node))
	if err != nil {
		return nil, nil, err
	}
	return s, n, owned(s.Owner, sender)
}

// SplitStake makes two of a stake: one of Amount, which keeps the id, and a new one of
// the rest.
type SplitStake struct {
	Stake  ObjectID
	Amount uint64
}

func (a SplitStake) apply(d *draft, sender Address) error {
	s, _, err := ownStake(d, a.Stake, sender)
	if err != nil {
		return err
	}
	if least := d.genesis.MinStake; a.Amount < least || saturate(s.Principal, a.Amount) < least {
		return broken(RuleAmount, "both parts of %d must be at least %d", s.Principal, least)
	}
	rest := *s
	s.Principal, rest.Principal = a.Amount, s.Principal-a.Amount
	d.put(StakeKey(a.Stake), s)
	d.put(StakeKey(d.newID()), rest)
	return nil
}

// TransferStake gives a stake to somebody.
type TransferStake struct {
	Stake ObjectID
	To    Address
}

func (a TransferStake) apply(d *draft, sender Address) error {
	s, _, err := ownStake(d, a.Stake, sender)
	if err != nil {
		return err
	}
	s.Owner = a.To
	d.put(StakeKey(a.Stake), s)
	return nil
}

// membership tells whether a node is in the committees of this and of the next epoch.
// The next one is not known before it is selected.
func membership(d *draft, id NodeID) (current, next bool) {
	current = d.committee().weightOf(id) > 0
	next = d.committeeOf(d.system.Epoch+1).weightOf(id) > 0
	return current, next
}

// withdrawsEarly reports whether stake can be taken back at once: it does not count yet, nor
// elected anybody.
func withdrawsEarly(d *draft, s *Stake, next bool) bool {
	now := d.system.Epoch
	return s.Withdraw == nil && (s.Active == now+2 || s.Active == now+1 && !next)
}

// RequestWithdrawal asks for a stake back, which serves in the meantime: until the next
// epoch whose committee is not elected by it.
type RequestWithdrawal struct {
	Stake ObjectID
}

func (a RequestWithdrawal) apply(d *draft, sender Address) error {
	s, n, err := ownStake(d, a.Stake, sender)
	if err != nil {
		return err
	}
	now := d.system.Epoch
	current, next := membership(d, s.Node)
	switch {
	case s.Withdraw != nil:
		return broken(RuleTwice, "it can be withdrawn from epoch %d on", *s.Withdraw)
	case withdrawsEarly(d, s, next) || s.Active <= now && !current && !next:
		return broken(RuleStake, "it can be withdrawn at once")
	}
	withdraw := now + 1
	if next {
		withdraw = now + 2
	}
	if s.Active > now {
		// The stake elected a member of the next committee. What it is worth in shares
		// shows at its activation.
		withdraw = s.Active + 1
		n.PreActive.add(withdraw, s.Principal)
	} else {
		shares := rateAt(d, s.Node, n, s.Active).toShares(s.Principal)
		if shares == 0 {
			return broken(RuleStake, "it is not worth a share")
		}
		n.PendingWithdrawal.add(withdraw, shares)
	}
	s.Withdraw = &withdraw
	d.put(NodeKey(s.Node), n)
	d.put(StakeKey(a.Stake), s)
	rank(d, s.Node, n)
	return nil
}

// WithdrawStake pays a stake back with what it gained: after a request, when its epoch
// has come; at once if it does not count yet, or its node is in no committee.
type WithdrawStake struct {
	Stake ObjectID
}

func (a WithdrawStake) apply(d *draft, sender Address) error {
	s, n, err := ownStake(d, a.Stake, sender)
	if err != nil {
		return err
	}
	now := d.system.Epoch
	current, next := membership(d, s.Node)
	paid := s.Principal
	switch {
	case withdrawsEarly(d, s, next), s.Withdraw == nil && !current && !next && s.Active > now:
		n.PendingStake.reduce(s.Active, s.Principal)
		n.Staked -= s.Principal
	case s.Withdraw == nil && !current && !next:
		// The pool of such a node does not advance: the rate is the last one it had.
		n.PendingWithdrawal.add(now, rateAt(d, s.Node, n, s.Active).toShares(s.Principal))
		paid = payout(d, s.Node, n, s, now)
	case s.Withdraw == nil:
		return broken(RuleStake, "it has to be asked for first")
	case *s.Withdraw > now:
		return broken(RuleEarly, "it can be withdrawn from epoch %d on, and this is %d", *s.Withdraw, now)
	default:
		paid = payout(d, s.Node, n, s, *s.Withdraw)
	}
	d.remove(StakeKey(a.Stake))
	d.put(NodeKey(s.Node), n)
	d.credit(sender, paid)
	rank(d, s.Node, n)
	return nil
}
