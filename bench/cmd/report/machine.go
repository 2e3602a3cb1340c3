package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/gf"
)

// Machine says where and when a report was made.
type Machine struct {
	CPU      string
	Cores    int
	Memory   string
	OS       string
	Go       string
	Backends []string
	Revision string
	Date     string
}

func thisMachine() Machine {
	return Machine{
		CPU:      field("/proc/cpuinfo", "model name") + family(),
		Cores:    runtime.GOMAXPROCS(0),
		Memory:   memory(),
		OS:       runtime.GOOS + "/" + runtime.GOARCH,
		Go:       runtime.Version(),
		Backends: gf.Backends(),
		Revision: revision(),
		Date:     time.Now().UTC().Format("2006-01-02 15:04 UTC"),
	}
}

// family tells which processor it is where the name does not.
func family() string {
	family, model := field("/proc/cpuinfo", "cpu family"), field("/proc/cpuinfo", "model")
	if family == "" {
		return ""
	}
	return fmt.Sprintf(" (family %s, model %s)", family, model)
}

// memory returns the size of the machine's memory.
func memory() string {
	var kilobytes int
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kilobytes); err != nil {
		return "unknown size"
	}
	return fmt.Sprintf("%.1f GiB", float64(kilobytes)/(1<<20))
}

// field returns the value of the first line "name : value" of a file, or nothing.
func field(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// revision returns the commit that is measured, marked if files differ from it.
func revision() string {
	commit, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	revision := strings.TrimSpace(string(commit))
	changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", "*.go", "*.s").Output()
	if err == nil && len(changed) > 0 {
		revision += ", with changes"
	}
	return revision
}
