// SPDX-License-Identifier: GPL-2.0

//! The table and a chosen device's histogram on the whole screen.
//!
//! [`app`] has the state, [`keys`] changes it at each key, [`view`] and [`details`] draw it as [`text`], and
//! [`screen`] is the terminal. [`history`] has the numbers of each device's last intervals.

pub mod app;
pub mod details;
pub mod error;
pub mod history;
pub mod keys;
pub mod screen;
pub mod text;
pub mod view;

use std::io;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use rustix::io::Errno;

use crate::attach::former;
use crate::clock::{Repeat, following};
use crate::commands::top::app::{App, Options};
use crate::commands::top::error::ScreenError;
use crate::commands::top::keys::Next;
use crate::commands::top::screen::{Input, Screen};
use crate::environment::Environment;
use crate::error::Error;
use crate::record::player::Player;

/// The interval of reports without INTERVAL, like that of top.
const REPEAT: Repeat = Repeat {
    interval: Duration::from_secs(1),
    count: None,
};

/// Shows devices until a key, a signal or the count of reports ends it.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if (environment.width)().is_none() || is_dumb {
        return Err(ScreenError::NoTerminal.into());
    }
    let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let repeat = options.repeat.unwrap_or(REPEAT);
    let mut app = App::new(options, colours);
    // The first sample is taken before the screen, so that its error is printed on the normal screen.
    sample(&mut app, environment)?;
    let mut screen = Screen::open().map_err(ScreenError::Terminal)?;
    environment.clock.hand_over();
    match go(&mut app, &mut screen, repeat, environment) {
        // The terminal has hung up, so nobody can read an error.
        Err(ScreenError::Terminal(error)) if Errno::from_io_error(&error) == Some(Errno::IO) => {
            Ok(())
        }
        result => Ok(result?),
    }
}

fn go(
    app: &mut App,
    screen: &mut Screen,
    repeat: Repeat,
    environment: &mut Environment<'_>,
) -> Result<(), ScreenError> {
    let mut left = repeat.count;
    // A recording is shown faster than it was recorded if its interval is longer.
    let pace = match environment.recording {
        Some(_) => REPEAT.interval,
        None => repeat.interval,
    };
    let mut next = Instant::now() + pace;
    loop {
        screen
            .draw(|frame| view::draw(app, frame))
            .map_err(ScreenError::Terminal)?;
        match screen.wait((!app.is_paused()).then_some(next)) {
            Some(Input::Key(key)) => match keys::press(app, key) {
                Next::Wait => {}
                Next::End => return Ok(()),
                Next::Suspend => {
                    screen.suspend().map_err(ScreenError::Terminal)?;
                    next = rebase(app, pace, environment)?;
                }
                Next::GoOn => next = rebase(app, pace, environment)?,
                Next::Travel(by) => {
                    if let Some(recording) = environment.recording {
                        travel(app, recording, by)?;
                    }
                }
                Next::Clear => screen.clear().map_err(ScreenError::Terminal)?,
            },
            Some(Input::Resized) => {}
            Some(Input::Ended) => return Ok(()),
            None => {
                left = left.map(|left| left - 1);
                if left == Some(0) {
                    return Ok(());
                }
                if environment.recording.is_some() && !environment.clock.wait(repeat.interval) {
                    // The recording ends here, and its end stays on the screen.
                    app.pause();
                    continue;
                }
                sample(app, environment)?;
                next = following(Some(next), pace, Instant::now());
            }
        }
    }
}

/// Begins an interval now, after a time without intervals. Returns the time of its end.
fn rebase(app: &mut App, pace: Duration, environment: &Environment<'_>) -> Result<Instant, Error> {
    app.rebase(environment.devices())?;
    Ok(Instant::now() + pace)
}

/// Goes to another sample of a recording, and pauses. The first sample is left out, because no interval ends
/// there.
pub fn travel(app: &mut App, recording: &Player, by: isize) -> Result<(), Error> {
    let (at, count) = recording.position();
    let to = at.saturating_add_signed(by).min(count - 1).max(1);
    app.pause();
    if to == at || to >= count {
        return Ok(());
    }
    recording.go(to - 1);
    app.rebase(recording)?;
    recording.go(to);
    if to < at {
        app.forget_history();
    }
    app.sample(recording, &recording.now())
}

fn sample(app: &mut App, environment: &Environment<'_>) -> Result<(), Error> {
    app.sample(environment.devices(), &environment.clock.now())?;
    let problem = app.problem.take();
    app.problem = problem.map(|problem| former::explain(problem, environment));
    Ok(())
}
