package stage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Command is what to run, and where.
type Command struct {
	Path string
	Args []string
	Env  map[string]string // all of it: nothing is inherited
	Dir  string
}

func (c Command) cmd(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = make([]string, 0, len(c.Env))
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// Process is a running dispatcher. It dies with whoever started it.
type Process struct {
	Out *Log // what it prints
	Log *Log // what it says

	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start runs a command beside the caller.
func Start(c Command) (*Process, error) { return Launch(c.cmd(context.Background())) }

// Launch runs a command that was made elsewhere.
func Launch(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, Out: &Log{}, Log: &Log{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.Out, p.Log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Kill ends the process as a crash does, and waits for that.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Code returns the exit code of a process that has ended, -1 if a signal ended it.
func (p *Process) Code() int { return exitCode(p.err) }

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// Run runs a command to its end; an error says that it could not be run.
func Run(ctx context.Context, c Command, stdin string) (stdout, stderr string, code int, err error) {
	cmd := c.cmd(ctx)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err = cmd.Run()
	code = exitCode(err)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return out.String(), errs.String(), code, err
}

// Log keeps what a process says.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Has reports whether the process has said text.
func (l *Log) Has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(text))
}
