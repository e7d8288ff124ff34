# frozen_string_literal: true

# What broke in production for users of other Kafka libraries, and the tests that show that it does not here. A line stays
# as long as its test is there under that name: who renames one looks here.
RSpec.describe "what others have learned about consuming" do
  engine = "ext/karafka_core/tests/engine"
  unit = "spec/unit"
  {
    # Rebalances and offsets
    "Attempts of a partition begin anew when it was taken away" =>
      ["#{engine}/failures.rs", "attempts_of_an_assignment_that_ended_do_not_count_in_the_next_one"],
    "Nothing that is kept for a partition grows with rebalances" => ["#{engine}/lessons.rs", "nothing_grows_with_rebalances"],
    "A paused partition that comes back is not paused for ever" =>
      ["#{engine}/rebalance/loss.rs", "no_pause_timer_or_waiting_batch_survives_its_assignment"],
    "Marks and commits answer false once a partition is lost" =>
      ["#{unit}/consumers/offsets_spec.rb", "answers false, and never raises, once the partition is lost"],
    "An assignment that was lost is seen without a poll of the user's" =>
      ["#{engine}/rebalance/loss.rs", "a_lost_assignment_waits_for_nobody_and_commits_nothing"],
    "What was fetched for a partition that went is not delivered after it came back" =>
      ["#{engine}/rebalance/loss.rs", "a_partition_that_comes_back_waits_for_its_old_lease_and_its_revoked"],
    "cooperative-sticky holds while members join and leave" =>
      ["#{engine}/rebalance/churn.rs", "members_join_and_leave_under_load_cooperatively_on_real_kafka"],
    "A stop in the middle of a rebalance ends" => ["#{engine}/shutdown.rs", "a_stop_in_the_middle_of_a_rebalance_ends"],
    "A stop right after the start ends" => ["#{engine}/lessons.rs", "a_stop_right_after_the_start_ends"],
    "A stale member epoch of KIP-848 is tried again" =>
      ["#{engine}/lessons_offsets.rs", "a_stale_member_epoch_is_a_bad_moment_for_a_commit_and_nothing_more"],
    "Fencing is told, and no fenced member comes back by itself" =>
      ["#{engine}/membership.rs", "a_fenced_static_member_ends_with_an_error_instead_of_being_rebuilt"],
    "A client that fails again and again is replaced after 1 to 60 seconds" =>
      ["ext/karafka_core/src/consume/poller.rs", "a_client_that_keeps_failing_is_replaced_after_1_to_60_seconds"],
    "Several groups that rebalance at once do not mix up their assignments" =>
      ["#{engine}/groups.rs", "groups_that_rebalance_at_the_same_time_do_not_mix_up_what_they_have_on_real_kafka"],
    "Registries hold while threads subscribe, and an assignment has one consumer" =>
      ["#{unit}/concurrency_spec.rb", "subscribers come and go while events are told, and none is forgotten or told twice"],
    "Routes that are read while others are drawn are whole" =>
      ["#{unit}/concurrency_spec.rb", "routes that are read while others are drawn do not keep an old list"],
    "A seek that fails skips nothing" =>
      ["#{engine}/lessons_offsets.rs", "a_seek_that_fails_is_said_and_tried_again_and_nothing_is_handed_out_meanwhile"],
    "A seek in parallel work passes nothing that others have not finished" =>
      ["#{engine}/parallel/seeking.rs", "a_seek_of_one_lane_skips_nothing_that_another_one_has_not_finished"],
    "A dead letter is stored before its message is marked" =>
      ["#{unit}/failures/handler_spec.rb", "keeps the message when it cannot be sent, and tries again with a back-off"],
    "Whatever is raised, the batch comes again" => ["#{unit}/runtime/worker_spec.rb", "gives the batch back after"],
    "exit in a consumer stops the process, and commits nothing of its batch" =>
      ["spec/integration/server_spec.rb", "exits with the status of an exit in a consumer, without committing its batch"],
    "A pause of no time does not spin, and one of ages can be ended" =>
      ["#{engine}/lessons.rs", "a_pause_of_no_time_does_not_spin_and_one_of_ages_can_be_resumed"],
    "A seek to the latest works, whatever was read before" => ["#{engine}/positions.rs", "a_seek_to_the_latest_skips_what_is_there"],
    "A seek to a time finds the first message that is not older" =>
      ["#{engine}/positions.rs", "a_seek_to_a_time_finds_the_first_message_not_older_on_real_kafka"],
    "A lower mark moves no offset back" => ["#{engine}/lessons.rs", "a_lower_mark_moves_no_offset_back"],
    "An offset that jumps back is told about" =>
      ["#{engine}/lessons_offsets.rs", "a_partition_that_comes_back_before_what_was_committed_is_told_about"],
    "Offsets of a quiet partition are committed again before they expire" =>
      ["#{engine}/slow_work.rs", "offsets_that_do_not_change_are_committed_again"],
    "What is processed is committed before a partition goes" =>
      ["#{engine}/rebalance/revocation.rs", "a_lease_settled_within_the_grace_is_committed"],
    "A commit that is refused is sent again" => ["#{engine}/offsets.rs", "a_commit_that_fails_is_tried_again"],
    # Ends
    "What wrap returns decides nothing" => ["#{unit}/runtime/worker_spec.rb", "goes around consume"],
    "A timeout in seconds where milliseconds are meant is refused" => ["#{unit}/setup/config_spec.rb", "shutdown_timeout"],
    "A client that does not close does not hold up the stop" =>
      ["#{engine}/brokers.rs", "a_client_that_does_not_end_is_left_behind"],
    "A forced stop says what blocks it" =>
      ["#{unit}/runtime/runtime_spec.rb", "forces the stop after shutdown_timeout and says what blocks it"],
    "A second signal stops at once" => ["spec/integration/server_spec.rb", "exits 2 at once on a second signal, and says what was running"],
    "A fork in a consumer leaves the parent alone" => ["spec/integration/embedded_spec.rb",
                                                       "lets a forked child end cleanly, and goes on itself"],
    "A batch can be read after its engine has gone" =>
      ["#{engine}/leases.rs", "a_batch_stays_readable_after_its_lease_is_settled_and_the_engine_gone"],
    # Messages
    "A broken message or header breaks no other" => ["#{engine}/hostile_messages.rs", "header_names_and_values_that_are_not_utf_8"],
    "An error on a partition does not lose the rest" =>
      ["#{engine}/positions.rs", "an_error_on_a_partition_is_an_event_and_reading_goes_on"],
    "A payload that cannot be decoded keeps its bytes" =>
      ["#{unit}/messages/message_spec.rb", "says which message cannot be decoded and keeps its bytes readable"],
    "Others may patch Messages#each" =>
      ["#{unit}/messages/messages_spec.rb", "does not go through each, which others patch, for its own work"],
    "Routes can be drawn more than once" =>
      ["#{unit}/routing/drawing_spec.rb", "adds to what was drawn before, and opens a group again"],
    "Statistics are not gathered where nobody listens" =>
      ["#{unit}/engine/config_spec.rb", "has librdkafka gather statistics only where somebody listens"],
    # Load
    "Work of one partition can go on in several threads" =>
      ["spec/integration/parallel_spec.rb", "keeps the order of each key, with as many workers as the limit says"],
    "What is fetched ahead is bounded" =>
      ["#{engine}/memory.rs", "what_is_fetched_ahead_stays_below_the_limit_and_everything_is_fetched_once"],
    "Slow work costs no rebalance" => ["#{engine}/slow_work.rs", "slow_work_costs_no_rebalance"],
    "A topic that has much to do does not starve another" =>
      ["#{engine}/fair_queue.rs", "no_group_starves_while_another_has_many_busy_partitions"],
    # Rails
    "Database connections go back and CurrentAttributes are reset, also after a failure" =>
      ["spec/integration/rails_server_spec.rb", "connections go back and CurrentAttributes are reset, also after a failure"],
    "Changed code is used, and never taken away under another worker" =>
      ["#{unit}/on_rails/execution_spec.rb", "never takes classes away under somebody, with many at work"],
    "Nothing starts in a web process or a console" =>
      ["spec/integration/rails_server_spec.rb", "knows karafka.rb in a web process or a console, where nothing is started"]
  }.each do |lesson, (file, test)|
    it "#{lesson}: #{file}" do
      path = File.expand_path("../../#{file}", __dir__)
      tests = File.readlines(path).grep(/\bfn |\bit ["(]|\bit\b.*do$/)
      expect(tests.grep(/#{Regexp.escape(test)}/)).not_to be_empty, "no test #{test.inspect} in #{file}"
    end
  end
end
