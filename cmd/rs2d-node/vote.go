package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type voteCmd struct {
	Ledger      string  `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Missing     *uint16 `placeholder:"BP" help:"Share of the blobs, in basis points, without which light challenges find a node."`
	Error       *uint16 `placeholder:"E" help:"The probability that they do not is at most 10^-E."`
	Strikes     *uint16 `placeholder:"N" help:"Challenges failed one after the other, from which on stake is slashed."`
	Penalty     *uint16 `placeholder:"BP" help:"What is slashed of the stake, in basis points."`
	FinesShared *uint16 `placeholder:"BP" help:"What of that goes to the next epoch's rewards, in basis points; the rest is burned."`
	Sender      *uint16 `placeholder:"BP" help:"What is slashed of the stake with a node that does not hand its shards over."`
	Receiver    *uint16 `placeholder:"BP" help:"What is slashed of the stake with a node that does not get its shards."`
	Helpers     *uint16 `placeholder:"BP" help:"What of these fines goes to those whom shards are recovered from; the rest is burned."`
	Abstain     bool    `help:"Take all former votes of the node back."`
	JSON        bool    `name:"json" help:"Print one JSON object instead of text."`
	Key         string  `arg:"" help:"The secret of the node that votes, as keygen makes it."`
}

func (c *voteCmd) Help() string {
	return `Votes, as the operator of a node, on the numbers of challenges and fines. A vote stays until the node votes otherwise; where it has none, the node wants what is in force. When the next committee is selected, in the middle of an epoch, its members' votes count by their shards: it takes more than two thirds of the shards to have fines, what is shared of them and missing rise, and strikes and error fall, and more than a third for the opposite. Without any votes, the command shows how things are.

Example: rs2d-node vote --ledger http://127.0.0.1:7000 --penalty 200 --fines-shared 5000 node.key

JSON: node (its id on the ledger), from_epoch (whose parameters are selected next), parameters (of each: name, now, next (of the next epoch, when it is selected), vote (the node's, if it has one), least and most (that it can be)).`
}

// voted is what vote prints.
type voted struct {
	Node       string           `json:"node"`
	FromEpoch  uint32           `json:"from_epoch"`
	Parameters []votedParameter `json:"parameters"`
}

type votedParameter struct {
	Name  string  `json:"name"`
	Now   uint16  `json:"now"`
	Next  *uint16 `json:"next,omitempty"`
	Vote  *uint16 `json:"vote,omitempty"`
	Least uint16  `json:"least"`
	Most  uint16  `json:"most"`
}

// wanted returns what the flags vote for, in the order of the parameters.
func (c *voteCmd) wanted() (votes []ledger.ParameterVote, err error) {
	flags := map[ledger.Parameter]*uint16{
		ledger.ParameterMissing: c.Missing, ledger.ParameterError: c.Error, ledger.ParameterStrikes: c.Strikes,
		ledger.ParameterPenalty: c.Penalty, ledger.ParameterFinesShared: c.FinesShared,
		ledger.ParameterSender: c.Sender, ledger.ParameterReceiver: c.Receiver, ledger.ParameterHelpers: c.Helpers,
	}
	for _, p := range ledger.AllParameters() {
		value := flags[p]
		if value == nil {
			continue
		}
		if least, most := p.Bounds(); *value < least || *value > most {
			err = errors.Join(err, fmt.Errorf("%v %d: must be within %d and %d", p, *value, least, most))
		}
		votes = append(votes, ledger.ParameterVote{Parameter: uint8(p), Value: *value})
	}
	return votes, err
}

// Run votes, and shows what is in force, what comes, and what the node wants.
func (c *voteCmd) Run(a *cli.App) error {
	votes, err := c.wanted()
	if err == nil && c.Abstain && len(votes) > 0 {
		err = errors.New("--abstain takes all votes back, and there are others to cast: give one or the other")
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime)
	defer cancel()
	l := rpc.NewClient(c.Ledger)
	_, node, self, err := openGoverned(ctx, l, c.Key)
	if err != nil {
		return err
	}
	var ballot ledger.Ballot
	if _, _, err := chain.Value(ctx, l, ledger.BallotKey(node.id), &ballot); err != nil {
		return err
	}
	for _, v := range ballot.Votes { // which stay but for those that are cast now
		if !c.Abstain && !slices.ContainsFunc(votes, func(w ledger.ParameterVote) bool { return w.Parameter == v.Parameter }) {
			votes = append(votes, v)
		}
	}
	slices.SortFunc(votes, func(a, b ledger.ParameterVote) int { return int(a.Parameter) - int(b.Parameter) })
	if !slices.Equal(votes, ballot.Votes) {
		if _, err := self.Do(ctx, ledger.VoteParameters{Node: node.id, Votes: votes}); err != nil {
			return fmt.Errorf("voting: %w", err)
		}
	}
	status, err := l.Status(self.InSession(ctx))
	if err != nil {
		return err
	}
	r := votedOf(status, votes)
	r.Node = node.String()
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	return r.print(a, status)
}

// votedOf returns how the parameters are, and what somebody votes for.
func votedOf(s chain.Status, votes []ledger.ParameterVote) (r voted) {
	r.FromEpoch = nextSelected(s.Epoch, s.Phase)
	selected := s.Phase == ledger.PhaseSelected.String()
	for _, p := range ledger.AllParameters() {
		one := votedParameter{Name: p.String(), Now: p.Of(s.Parameters.Ledger())}
		one.Least, one.Most = p.Bounds()
		if next := p.Of(s.NextParameters.Ledger()); selected {
			one.Next = &next
		}
		for _, v := range votes {
			if v.Parameter == uint8(p) {
				one.Vote = &v.Value
			}
		}
		r.Parameters = append(r.Parameters, one)
	}
	return r
}

func (r *voted) print(a *cli.App, s chain.Status) error {
	t := ui.NewTable(a.Stdout)
	t.Row("PARAMETER", fmt.Sprintf("EPOCH %d", s.Epoch), fmt.Sprintf("EPOCH %d", s.Epoch+1), "VOTE", "WITHIN")
	number := func(v *uint16) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprint(*v)
	}
	for _, p := range r.Parameters {
		t.Row(p.Name, fmt.Sprint(p.Now), number(p.Next), number(p.Vote), fmt.Sprintf("%d to %d", p.Least, p.Most))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, "\nvotes count for epoch %d, if node %s owns shards then\n", r.FromEpoch, r.Node)
	return err
}
