package docs

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// scriptVariable names the script that this program is to become, see TestMain.
const scriptVariable = "REDSTUFF_DOCS_SCRIPT"

// TestMain runs the tests, or is the first process of an isolated script.
func TestMain(m *testing.M) {
	if script := os.Getenv(scriptVariable); script != "" {
		fmt.Fprintln(os.Stderr, becomeScript(script))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// isolated returns the command that runs a script in bash, in namespaces of its own:
// the documents name fixed ports, which somebody else may have, and what the script
// leaves running ends with it.
func isolated(script string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), scriptVariable+"="+script)
	const own = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: own, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		// Only root may make the other namespaces, but anybody may be root in a new one.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return cmd, nil
}

// becomeScript starts the loopback interface, which is down in a new namespace, has
// /proc show the new processes, and turns into bash. It returns only if it cannot.
func becomeScript(script string) error {
	if err := startLoopback(); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	// Without this, the mount would be seen outside of the namespace.
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		return err
	}
	if err := os.Unsetenv(scriptVariable); err != nil {
		return err
	}
	return syscall.Exec(bash, []string{"bash", script}, os.Environ())
}

func startLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
