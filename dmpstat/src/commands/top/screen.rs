// SPDX-License-Identifier: GPL-2.0

//! The terminal, which is restored at any end of the program.

use std::io;
use std::mem::ManuallyDrop;
use std::process::exit;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::terminal::{EnterAlternateScreen, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};
use ratatui::{DefaultTerminal, Frame};
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

/// An input.
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// A signal came, or the terminal was closed.
    Ended,
}

/// A terminal in full-screen mode, until this is dropped.
pub struct Screen {
    /// Never dropped: ratatui's own destructor complains on stderr, which may be the closed terminal.
    terminal: ManuallyDrop<DefaultTerminal>,
    inputs: Receiver<Input>,
}

impl Screen {
    /// Opens the screen.
    pub fn open() -> io::Result<Self> {
        // If keys cannot be read, this fails before anything is changed.
        event::poll(Duration::ZERO)?;
        let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
        let terminal = ratatui::try_init().inspect_err(|_| restore())?;
        let (sender, inputs) = channel();
        let keys = sender.clone();
        thread::spawn(move || take_keys(&keys));
        thread::spawn(move || take_signals(signals, &sender));
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            inputs,
        })
    }

    /// Draws a frame and shows it.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }

    /// Waits for an input, at most until this time; `None` without an input.
    pub fn wait(&self, until: Option<Instant>) -> Option<Input> {
        let Some(until) = until else {
            return Some(self.inputs.recv().unwrap_or(Input::Ended));
        };
        let left = until.saturating_duration_since(Instant::now());
        self.inputs.recv_timeout(left).ok()
    }

    /// Restores the screen and stops the process, as ^Z does, until the shell continues it.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        kill_process(getpid(), Signal::TSTP)?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen)?;
        self.clear()
    }

    /// Clears the screen, so that the next frame is drawn completely.
    pub fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if thread::panicking() {
            // ratatui has restored the screen before the panic's message. A second restoration would move the
            // cursor, and the next line would overwrite the message.
            let _ = execute!(io::stdout(), cursor::Show);
        } else {
            restore();
        }
    }
}

/// Restores the screen. Ignores errors, because they mean that the terminal is closed.
fn restore() {
    let _ = execute!(io::stdout(), cursor::Show);
    let _ = ratatui::try_restore();
}

fn take_keys(to: &Sender<Input>) {
    loop {
        let input = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
            Ok(Event::Resize(..)) => Input::Resized,
            Ok(_) => continue,
            // The terminal is closed.
            Err(_) => Input::Ended,
        };
        let is_end = matches!(input, Input::Ended);
        if to.send(input).is_err() || is_end {
            return;
        }
    }
}

/// Takes signals. The first one ends the main loop; the second one exits, in case the main loop hangs.
fn take_signals(mut signals: Signals, to: &Sender<Input>) {
    for (at, signal) in signals.forever().enumerate() {
        if at > 0 {
            restore();
            exit(128 + signal);
        }
        let _ = to.send(Input::Ended);
    }
}
