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
    let mut next = Instant::now() + repeat.interval;
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
                    next = rebase(app, repeat, environment)?;
                }
                Next::GoOn => next = rebase(app, repeat, environment)?,
                Next::Clear => screen.clear().map_err(ScreenError::Terminal)?,
            },
            Some(Input::Resized) => {}
            Some(Input::Ended) => return Ok(()),
            None => {
                left = left.map(|left| left - 1);
                if left == Some(0) {
                    return Ok(());
                }
                sample(app, environment)?;
                next = following(Some(next), repeat.interval, Instant::now());
            }
        }
    }
}

/// Begins an interval now, after a time without intervals. Returns the time of its end.
fn rebase(app: &mut App, repeat: Repeat, environment: &Environment<'_>) -> Result<Instant, Error> {
    app.rebase(environment.machine)?;
    Ok(Instant::now() + repeat.interval)
}

fn sample(app: &mut App, environment: &Environment<'_>) -> Result<(), Error> {
    app.sample(environment.machine, &environment.clock.now())?;
    let problem = app.problem.take();
    app.problem = problem.map(|problem| former::explain(problem, environment));
    Ok(())
}
