package ledger

// A pool is the stake that is delegated to one node. Whoever has stake in it owns
// shares: as many as their money was worth when it became active. Rewards add to the
// balance, so that each share is worth more. Stake and withdrawals take effect at the
// starts of epochs only, and all who come or go at one are valued by the same rate.

// toBalance returns what so many shares are worth, rounded down.
func (r Rate) toBalance(shares uint64) uint64 {
	if r.Balance == 0 || r.Shares == 0 {
		return shares
	}
	return scale(shares, r.Balance, r.Shares)
}

// toShares returns how many shares so much money is worth, rounded down.
func (r Rate) toShares(money uint64) uint64 {
	if r.Balance == 0 || r.Shares == 0 {
		return money
	}
	return scale(money, r.Shares, r.Balance)
}

// rateAt returns the rate of the node's pool at the start of an epoch: a pool that was
// not computed then has the rate of the last time before.
func rateAt(d *draft, id NodeID, n *Node, epoch uint32) Rate {
	for epoch = min(epoch, max(n.Latest, n.Joined)); epoch >= n.Joined; epoch-- {
		if r := get[Rate](d.tree, RateKey(id, epoch)); r != nil {
			return *r
		}
		if epoch == 0 {
			break
		}
	}
	return Rate{}
}

// preActiveShares returns the shares of stake that is withdrawn in the epoch after its
// activation, valued as of its activation.
func preActiveShares(d *draft, id NodeID, n *Node, due Pending) (shares uint64) {
	for _, v := range due {
		shares += rateAt(d, id, n, v.Epoch-1).toShares(v.Value)
	}
	return shares
}

// balanceAt returns what will be staked with the node in a later epoch, if nothing
// changes: what the next committee is elected by.
func balanceAt(d *draft, id NodeID, n *Node, epoch uint32) uint64 {
	var due Pending
	for _, v := range n.PreActive {
		if v.Epoch <= epoch {
			due = append(due, v)
		}
	}
	leaving := Rate{n.Balance, n.Shares}.toBalance(n.PendingWithdrawal.at(epoch) + preActiveShares(d, id, n, due))
	return saturate(n.Balance+n.PendingStake.at(epoch), leaving)
}

// saturate returns a-b, or 0 if b is more.
func saturate(a, b uint64) uint64 { return a - min(a, b) }

// advance computes the pool at the start of the current epoch, with what the node
// earned in the last one.
func advance(d *draft, id NodeID, n *Node, earned uint64) {
	now := d.system.Epoch
	commission := scale(earned, uint64(n.Info.Commission), basisPoints)
	n.Commission += commission
	n.BlockedCommission += commission
	if rate, ok := n.PendingCommission.take(now).latest(); ok {
		n.Info.Commission = uint16(rate)
	}
	n.gain(earned - commission)
	n.Balance += earned - commission
	n.Latest = now
	if n.Next != nil {
		if n.Info.PublicKey != n.Next.PublicKey {
			d.remove(claimKey(publicKeyClaim, n.Info.PublicKey[:]))
		}
		n.Info.PublicKey, n.Info.Possession, n.Next = n.Next.PublicKey, n.Next.Possession, nil
	}
	settle(d, id, n)
	d.put(NodeKey(id), n)
}

// settle notes the rate of the current epoch, and has all stake and withdrawals take
// effect that are due.
func settle(d *draft, id NodeID, n *Node) {
	now := d.system.Epoch
	rate := Rate{n.Balance, n.Shares}
	d.put(RateKey(id, now), rate)
	n.Balance += n.PendingStake.take(now).sum()
	leaving := preActiveShares(d, id, n, n.PreActive.take(now)) + n.PendingWithdrawal.take(now).sum()
	n.Balance = saturate(n.Balance, rate.toBalance(leaving))
	n.Shares = rate.toShares(n.Balance)
}

// payout takes a stake that has counted out of its pool, and returns what its owner gets: what
// its shares are worth at its withdrawal. Of a pool that was never slashed that is at least
// its principal. A pool never pays more than it has.
func payout(d *draft, id NodeID, n *Node, s *Stake, withdraw uint32) (paid uint64) {
	shares := rateAt(d, id, n, s.Active).toShares(s.Principal)
	worth := rateAt(d, id, n, withdraw).toBalance(shares)
	if n.Slashed == 0 {
		paid = s.Principal + min(saturate(worth, s.Principal), n.Rewards)
	} else {
		paid = min(worth, saturate(n.Staked+n.Rewards, n.Debt))
	}
	n.Staked -= s.Principal
	if paid < s.Principal {
		n.gain(s.Principal - paid)
	} else {
		n.lose(paid - s.Principal)
	}
	return paid
}
