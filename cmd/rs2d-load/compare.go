package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/report"
)

// compareGrammar is the command line that begins with compareCommand.
type compareGrammar struct {
	Compare compareCmd `cmd:"" help:"Set two runs side by side."`
}

// compareCommand is the first argument of a compareGrammar.
const compareCommand = "compare"

type compareCmd struct {
	A     string  `arg:"" type:"existingfile" help:"What rs2d-load --json has printed of one run."`
	B     string  `arg:"" type:"existingfile" help:"And of another."`
	Worse float64 `placeholder:"PERCENT" help:"Exit with 1 if a figure of B is worse by more than that."`
	JSON  bool    `name:"json" help:"Print one JSON object instead of text."`
}

// Help is shown below the flags' list.
func (c *compareCmd) Help() string {
	return `Runs on a machine that does other things differ by a tenth and more: compare what was run several times, by turns.

Example: rs2d-load compare before.json after.json --worse 10`
}

// Run compares.
func (c *compareCmd) Run(a *app) error {
	if c.Worse < 0 {
		return errors.New("--worse: must not be negative")
	}
	var runs [2]*report.Result
	for i, name := range []string{c.A, c.B} {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &runs[i]); err != nil {
			return fmt.Errorf("%s: not what --json prints: %w", name, err)
		}
		if runs[i] == nil || runs[i].Setup.Shards == 0 {
			return fmt.Errorf("%s: not what --json prints of a run", name)
		}
	}
	comparison := report.Compare(runs[0], runs[1])
	var err error
	if c.JSON {
		err = cli.WriteJSON(a.stdout, comparison)
	} else {
		err = comparison.Text(a.stdout)
	}
	if err != nil || c.Worse == 0 {
		return err
	}
	worst, found := report.Figure{}, false
	for _, f := range comparison.Figures {
		if f.Worse() > c.Worse/100 && (!found || f.Worse() > worst.Worse()) {
			worst, found = f, true
		}
	}
	if found {
		return cli.AsFound(fmt.Errorf("%s (%s) is worse by %.0f %%", worst.Name, worst.Unit, 100*worst.Worse()))
	}
	return nil
}
