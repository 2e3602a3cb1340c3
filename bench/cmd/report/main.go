// Report measures RedStuff beside its peers and writes tables and charts.
//
//	go run ./bench/cmd/report             # REPORT.md, and report/ with charts and results, in bench
//	go run ./bench/cmd/report --quick     # the same in a minute or two, to see whether it runs
//	go run ./bench/cmd/report --grid      # the grid of shapes, sizes and losses
//	go run ./bench/cmd/report -o FILE.json            # a survey of this machine, in five minutes
//	go run ./bench/cmd/report compare A.json B.json   # one page about several machines
//	go run ./bench/cmd/report --from bench/report/results.json   # tables and charts only
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
)

// reportCommand is the command line.
type reportCommand struct {
	Out    string        `default:"bench" type:"existingdir" help:"Directory that gets REPORT.md, and report/ with the charts and results.json."`
	From   string        `type:"existingfile" help:"Measure nothing: write tables and charts from this results.json."`
	Only   string        `help:"Measure only comparisons whose titles match this regular expression, and keep the other results of --from."`
	Quick  bool          `help:"One short round of everything, to see whether it runs. Its figures mean little."`
	Rounds int           `default:"15" help:"Rounds, of which each runs all operations of a comparison in turn."`
	Passes int           `default:"3" help:"Passes over all comparisons that the rounds are spread over: minutes apart, since a machine may be slow for that long."`
	Round  time.Duration `default:"30ms" help:"Time that each operation gets in a round, if one run takes no longer."`
	CPU    bool          `name:"cpu" help:"Of work on one core, count the processor's time in place of the time that passes: for a machine that others use meanwhile."`
	Survey string        `short:"o" type:"path" placeholder:"FILE.json" help:"Survey this machine, in five minutes: each instruction set beside the others and beside what the vector units can do at most. 'report compare' lays several files side by side; bench/cpus keeps those that people send."`
	Grid   bool          `help:"Measure the grid of shapes, shard sizes and works only, and keep the other results of report/."`
	List   bool          `help:"List the comparisons' titles and measure nothing."`

	// What measureMemory starts processes with.
	Peak     string `hidden:"" default:""`
	PeakSize int    `hidden:""`
}

func main() {
	var cli struct {
		Report  reportCommand  `cmd:"" default:"withargs" help:"Measure, and write the report. This is what happens without a command."`
		Compare compareCommand `cmd:"" help:"Write one page about several machines from their surveys."`
	}
	ctx := kong.Parse(&cli, kong.Name("report"),
		kong.Description("Measures RedStuff beside its peers, round by round in one process, and writes tables and charts. Leave the machine alone meanwhile: it takes a quarter of an hour."))
	ctx.FatalIfErrorf(ctx.Run())
}

func (c *reportCommand) Run() error {
	if c.Peak != "" {
		return printPeak(c.Peak, c.PeakSize)
	}
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	if c.List {
		for _, comparison := range plan() {
			fmt.Println(comparison.title)
		}
		return nil
	}
	if c.Survey != "" {
		return c.survey()
	}
	results := new(Results)
	if c.From != "" {
		if results, err = readResults(c.From); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.Out, "report")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if c.Grid {
		return c.grid(dir, only)
	}
	if c.From == "" || c.Only != "" {
		settings := Settings{Passes: max(1, c.Passes), Settings: measure.Settings{Rounds: max(1, c.Rounds), Round: c.Round}}
		if c.Quick {
			settings.Rounds, settings.Round = 1, time.Millisecond
		}
		settings.Passes = min(settings.Passes, settings.Rounds)
		if err := (&run{Results: results}).measure(settings, c.CPU, only); err != nil {
			return err
		}
		if err := results.write(filepath.Join(dir, "results.json")); err != nil {
			return err
		}
	}
	if err := (charts{results, dir}).drawAll(); err != nil {
		return err
	}
	return writeReport(results, c.Out)
}

// survey measures this machine's instruction sets.
func (c *reportCommand) survey() error {
	settings := measure.Settings{Rounds: max(1, c.Rounds), Round: c.Round}
	if c.Quick {
		settings.Rounds, settings.Round = 1, time.Millisecond
	}
	v, err := takeSurvey(settings, c.CPU)
	if err != nil {
		return err
	}
	return v.write(c.Survey)
}

// grid measures the grid, and writes it into the report that is there.
func (c *reportCommand) grid(dir string, only *regexp.Regexp) error {
	old, err := readGrid(dir)
	if err != nil {
		return err
	}
	settings := measure.Settings{Rounds: max(1, c.Rounds), Round: c.Round}
	if c.Quick {
		settings.Rounds, settings.Round = 1, time.Millisecond
	}
	grid, err := measureGrid(settings, c.CPU, only, old)
	if err != nil {
		return err
	}
	if err := grid.write(dir); err != nil {
		return err
	}
	results, err := readResults(filepath.Join(dir, "results.json"))
	switch {
	case os.IsNotExist(err):
		results = &Results{Machine: grid.Machine}
	case err != nil:
		return err
	}
	if err := grid.charts(dir); err != nil {
		return err
	}
	return writeReport(results, c.Out)
}
