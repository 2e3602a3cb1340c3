package network

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Link is one direction of what connects two places.
type Link struct {
	Delay  Duration `toml:"delay" json:"delay_ms"`   // one way
	Jitter Duration `toml:"jitter" json:"jitter_ms"` // at most that much more, uniformly; bytes stay in order
	Loss   float64  `toml:"loss" json:"loss"`        // probability that a segment is lost
	Reset  Duration `toml:"reset" json:"reset_ms"`   // mean time until a connection is reset; 0 is never
	Window Size     `toml:"window" json:"window"`    // most bytes of a connection on their way
}

// Place is a region, in which some of the nodes are.
type Place struct {
	Name string `toml:"name" json:"name"`
	Up   Rate   `toml:"up" json:"up_bits_per_s"`     // of each node there; 0 is without bounds
	Down Rate   `toml:"down" json:"down_bits_per_s"` // likewise
}

// Route is the link between two places, in both directions unless there is a route back.
type Route struct {
	From string `toml:"from" json:"from"`
	To   string `toml:"to" json:"to"`
	Link
}

// Profile says how a network is. Nodes are in its places by turns; clients and the ledger
// are in the first.
type Profile struct {
	Name   string  `toml:"name" json:"name"`
	Link   Link    `toml:"link" json:"link"` // where no route says anything else; and what routes leave out
	Places []Place `toml:"place" json:"places"`
	Routes []Route `toml:"route" json:"routes"`
}

const (
	defaultWindow = 4 << 20
	maxDelay      = 10 * time.Second
	maxWindow     = 64 << 20
	maxPlaces     = 64
)

// lan is a rack: a fifth of a millisecond there and back, and 10 Gbit/s.
const lan = `
name = "lan"
[link]
delay = "100us"
jitter = "20us"
[[place]]
name = "rack"
up = "10Gbit"
down = "10Gbit"
`

// wan is five regions of the world with the delays that clouds show between them, and a
// gigabit for each node.
const wan = `
name = "wan"
[link]
delay = "500us"
jitter = "100us"
loss = 0.00001
window = "6MiB"
[[place]]
name = "virginia"
up = "1Gbit"
down = "1Gbit"
[[place]]
name = "frankfurt"
up = "1Gbit"
down = "1Gbit"
[[place]]
name = "singapore"
up = "1Gbit"
down = "1Gbit"
[[place]]
name = "tokyo"
up = "1Gbit"
down = "1Gbit"
[[place]]
name = "sao paulo"
up = "1Gbit"
down = "1Gbit"
[[route]]
from = "virginia"
to = "frankfurt"
delay = "45ms"
jitter = "1ms"
[[route]]
from = "virginia"
to = "singapore"
delay = "108ms"
jitter = "2ms"
[[route]]
from = "virginia"
to = "tokyo"
delay = "74ms"
jitter = "2ms"
[[route]]
from = "virginia"
to = "sao paulo"
delay = "57ms"
jitter = "2ms"
[[route]]
from = "frankfurt"
to = "singapore"
delay = "80ms"
jitter = "2ms"
[[route]]
from = "frankfurt"
to = "tokyo"
delay = "112ms"
jitter = "2ms"
[[route]]
from = "frankfurt"
to = "sao paulo"
delay = "102ms"
jitter = "2ms"
[[route]]
from = "singapore"
to = "tokyo"
delay = "35ms"
jitter = "1ms"
[[route]]
from = "singapore"
to = "sao paulo"
delay = "163ms"
jitter = "3ms"
[[route]]
from = "tokyo"
to = "sao paulo"
delay = "128ms"
jitter = "3ms"
`

// lossy is a line to a home that loses one segment of two hundred, and a connection now and
// then.
const lossy = `
name = "lossy"
[link]
delay = "15ms"
jitter = "5ms"
loss = 0.005
reset = "60s"
[[place]]
name = "home"
up = "100Mbit"
down = "300Mbit"
`

// Named are the profiles that have a name.
func Named() []string { return []string{"lan", "wan", "lossy"} }

// Load returns a named profile, or one from a TOML file.
func Load(name string) (*Profile, error) {
	text, ok := map[string]string{"lan": lan, "wan": wan, "lossy": lossy}[name]
	if ok {
		return Parse(text)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--net %s: neither one of %s nor a file: %w", name, strings.Join(Named(), ", "), err)
	}
	p, err := Parse(string(data))
	if err != nil {
		return nil, fmt.Errorf("--net %s: %w", name, err)
	}
	if p.Name == "" {
		p.Name = name
	}
	return p, nil
}

// Parse reads a profile in TOML, fills in what is left out, and checks it.
func Parse(text string) (*Profile, error) {
	p := new(Profile)
	meta, err := toml.Decode(text, p)
	if err != nil {
		return nil, err
	}
	if left := meta.Undecoded(); len(left) > 0 {
		return nil, fmt.Errorf("%s: there is no such setting", left[0])
	}
	if len(p.Places) == 0 {
		p.Places = []Place{{Name: "everywhere"}}
	}
	p.Link.Window = cmp.Or(p.Link.Window, defaultWindow)
	for i := range p.Routes {
		l := &p.Routes[i].Link
		l.Delay, l.Jitter = cmp.Or(l.Delay, p.Link.Delay), cmp.Or(l.Jitter, p.Link.Jitter)
		l.Loss, l.Reset, l.Window = cmp.Or(l.Loss, p.Link.Loss), cmp.Or(l.Reset, p.Link.Reset), cmp.Or(l.Window, p.Link.Window)
	}
	return p, p.check()
}

func (p *Profile) check() error {
	if len(p.Places) > maxPlaces {
		return fmt.Errorf("%d places, want at most %d", len(p.Places), maxPlaces)
	}
	known := make(map[string]bool)
	for _, place := range p.Places {
		if place.Name == "" || known[place.Name] {
			return fmt.Errorf("place %q: each needs a name of its own", place.Name)
		}
		known[place.Name] = true
	}
	links := []Link{p.Link}
	for _, r := range p.Routes {
		for _, end := range []string{r.From, r.To} {
			if !known[end] {
				return fmt.Errorf("route from %q to %q: there is no place %q", r.From, r.To, end)
			}
		}
		links = append(links, r.Link)
	}
	for _, l := range links {
		switch {
		case l.Delay < 0 || l.Jitter < 0 || time.Duration(l.Delay) > maxDelay || time.Duration(l.Jitter) > maxDelay:
			return fmt.Errorf("delay %v, jitter %v: from 0 to %v", l.Delay, l.Jitter, maxDelay)
		case !(l.Loss >= 0 && l.Loss < 0.5):
			return fmt.Errorf("loss %g: a probability below a half", l.Loss)
		case l.Reset < 0:
			return errors.New("reset: not before the connection")
		case l.Window < segment || l.Window > maxWindow:
			return fmt.Errorf("window %d: from %d to %d bytes", l.Window, segment, maxWindow)
		}
	}
	return nil
}

// link returns the link from one place to another.
func (p *Profile) link(from, to int) Link {
	back := p.Link
	for _, r := range p.Routes {
		switch {
		case r.From == p.Places[from].Name && r.To == p.Places[to].Name:
			return r.Link
		case r.To == p.Places[from].Name && r.From == p.Places[to].Name:
			back = r.Link
		}
	}
	return back
}

// Duration is a time.Duration in text; in JSON it is in milliseconds.
type Duration time.Duration

// UnmarshalText reads 10ms.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes milliseconds.
func (d Duration) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d)/float64(time.Millisecond), 'g', -1, 64), nil
}

// UnmarshalJSON reads milliseconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseFloat(string(data), 64)
	*d = Duration(v * float64(time.Millisecond))
	return err
}

// Rate is bits a second.
type Rate float64

// UnmarshalText reads 100Mbit.
func (r *Rate) UnmarshalText(text []byte) error {
	s := string(text)
	for unit, factor := range map[string]float64{"kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(v >= 0.001 && v <= 1e6) || math.IsInf(v, 0) {
				break
			}
			*r = Rate(v * factor)
			return nil
		}
	}
	return fmt.Errorf("%q is no rate: want bits a second, such as 100Mbit", s)
}

// String writes what UnmarshalText reads.
func (r Rate) String() string {
	switch {
	case r == 0:
		return "without bounds"
	case r >= 1e9:
		return strconv.FormatFloat(float64(r)/1e9, 'g', 4, 64) + " Gbit/s"
	}
	return strconv.FormatFloat(float64(r)/1e6, 'g', 4, 64) + " Mbit/s"
}

// Size is bytes.
type Size int64

// UnmarshalText reads 4MiB.
func (s *Size) UnmarshalText(text []byte) error {
	for unit, factor := range map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if number, ok := strings.CutSuffix(string(text), unit); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err == nil && v > 0 && v < 1e6 {
				*s = Size(v * factor)
				return nil
			}
		}
	}
	return fmt.Errorf("%q is no size: want such as 64KiB or 4MiB", text)
}

// String says what the network is in a line.
func (p *Profile) String() string {
	var delays, jitters, losses []float64
	links := []Link{p.Link}
	for _, r := range p.Routes {
		links = append(links, r.Link)
	}
	for _, l := range links {
		delays, jitters, losses = append(delays, float64(l.Delay)/1e6), append(jitters, float64(l.Jitter)/1e6), append(losses, l.Loss*100)
	}
	span := func(v []float64, unit string) string {
		lo, hi := v[0], v[0]
		for _, x := range v {
			lo, hi = min(lo, x), max(hi, x)
		}
		if lo == hi {
			return fmt.Sprintf("%.3g%s", lo, unit)
		}
		return fmt.Sprintf("%.3g to %.3g%s", lo, hi, unit)
	}
	s := fmt.Sprintf("%s: %d places; one way %s, jitter %s, loss %s", p.Name, len(p.Places), span(delays, " ms"), span(jitters, " ms"), span(losses, " %"))
	if len(p.Places) == 1 {
		s = strings.Replace(s, "1 places", "one place", 1)
	}
	s += fmt.Sprintf("; each node up %v, down %v", p.Places[0].Up, p.Places[0].Down)
	if p.Link.Reset > 0 {
		s += fmt.Sprintf("; connections reset after %v in the mean", p.Link.Reset)
	}
	return s
}

// UnmarshalJSON reads bits a second.
func (r *Rate) UnmarshalJSON(data []byte) (err error) {
	*(*float64)(r), err = strconv.ParseFloat(string(data), 64)
	return err
}

// UnmarshalJSON reads bytes.
func (s *Size) UnmarshalJSON(data []byte) (err error) {
	*(*int64)(s), err = strconv.ParseInt(string(data), 10, 64)
	return err
}
